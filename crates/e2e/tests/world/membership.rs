//! Who receives keys as members come and go.

use crate::people::{PASSWORD, Phone, World, rng, secret};
use subrosa_e2e::{Content, SealError, Slot, Text, open_vault};
use subrosa_proto::{BoxKind, Control, ConvId, Form, Role};

fn recipients(sealed: &subrosa_e2e::Sealed) -> Vec<[u8; 32]> {
    let boxes = &sealed.key.as_ref().unwrap().boxes;
    let devices = boxes.iter().filter(|found| found.kind == BoxKind::Device);
    devices.map(|found| found.recipient).collect()
}

fn device(phone: &Phone) -> [u8; 32] {
    *phone.machine.device().as_bytes()
}

// Proves: C22
#[test]
fn a_pending_peer_gets_no_boxes_until_it_accepts() {
    let mut world = World::new();
    let mut ann = world.register("ann");
    let mut bob = world.register("bob");
    let conv = world.create(&ann, Form::Direct, true, Some(&bob), false);
    let first = ann.say(&mut world, conv, "before");
    assert!(recipients(&first).is_empty());
    let account = bob.account();
    let boxes = &first.key.as_ref().unwrap().boxes;
    assert!(
        boxes
            .iter()
            .all(|found| found.recipient != *account.as_bytes())
    );
    let pending = bob.seal_text(&world, conv);
    assert_eq!(pending.unwrap_err(), SealError::NotMember);

    bob.control(&mut world, conv, &Control::Accept {});
    let second = ann.say(&mut world, conv, "after");
    assert_eq!(recipients(&second), [device(&bob)]);
    assert_eq!(bob.texts(&world, conv), ["after"]);
}

impl Phone {
    fn seal_text(&mut self, world: &World, conv: ConvId) -> Result<subrosa_e2e::Sealed, SealError> {
        let content = Content::new(
            Text {
                text: "text".into(),
            },
            0,
            &mut rng(),
        );
        self.seal(world, conv, &content)
    }
}

fn room() -> (World, Phone, Phone, Phone, ConvId) {
    let mut world = World::new();
    let mut ann = world.register("ann");
    let mut bob = world.register("bob");
    let mut eve = world.register("eve");
    let conv = world.create(&ann, Form::Room, true, None, false);
    for (other, role) in [(&mut bob, Role::Member), (&mut eve, Role::Poster)] {
        let account = other.account();
        ann.control(
            &mut world,
            conv,
            &Control::Add {
                account,
                role,
                pending: true,
            },
        );
        other.control(&mut world, conv, &Control::Accept {});
    }
    (world, ann, bob, eve, conv)
}

// Proves: C12
#[test]
fn a_poster_seals_for_the_others_and_reads_nothing() {
    let (mut world, mut ann, mut bob, mut eve, conv) = room();
    let sealed = ann.say(&mut world, conv, "among us");
    assert_eq!(recipients(&sealed), [device(&bob)]);
    assert!(eve.texts(&world, conv).is_empty());

    let posted = eve.say(&mut world, conv, "news");
    let mut both = [device(&ann), device(&bob)];
    both.sort_unstable();
    let mut found = recipients(&posted);
    found.sort_unstable();
    assert_eq!(found, both);
    assert_eq!(bob.texts(&world, conv), ["among us", "news"]);
    // Its own account's other devices are no recipients either.
    let boxes = &posted.key.as_ref().unwrap().boxes;
    assert!(
        boxes
            .iter()
            .all(|found| found.recipient != *eve.account().as_bytes())
    );
}

// Proves: C16
#[test]
fn a_removed_member_gets_no_key_of_what_is_sent_after() {
    let (mut world, mut ann, mut bob, _, conv) = room();
    ann.say(&mut world, conv, "with bob");
    assert_eq!(bob.texts(&world, conv), ["with bob"]);
    let account = bob.account();
    ann.control(&mut world, conv, &Control::Remove { account });
    let sealed = ann.say(&mut world, conv, "without bob");
    assert!(recipients(&sealed).is_empty());
    assert!(bob.texts(&world, conv).is_empty());
    assert_eq!(
        bob.seal_text(&world, conv).unwrap_err(),
        SealError::NotMember
    );

    // Added again, it reads from then on.
    ann.control(
        &mut world,
        conv,
        &Control::Add {
            account,
            role: Role::Member,
            pending: true,
        },
    );
    bob.control(&mut world, conv, &Control::Accept {});
    ann.say(&mut world, conv, "with bob again");
    assert_eq!(bob.texts(&world, conv), ["with bob again"]);
}

// Proves: C16, C18
#[test]
fn a_revoked_device_gets_no_key_by_its_chain_alone_nor_by_the_log_alone() {
    let mut world = World::new();
    let mut ann = world.register("ann");
    let mut bob = world.register("bob");
    let conv = world.direct(&ann, &bob);
    let id = bob.account();
    let mut stolen = world.login(id);
    let sealed = ann.say(&mut world, conv, "for both");
    assert_eq!(recipients(&sealed).len(), 2);
    assert_eq!(stolen.texts(&world, conv), ["for both"]);

    let account = &world.accounts[&id];
    let vault = open_vault(
        &world.bundles[&id],
        Slot::Password,
        &secret(PASSWORD, id),
        account,
    )
    .unwrap();
    let statement = vault.revoke_device(account, stolen.machine.device());
    let mut before = world.accounts[&id].clone();
    world.append(id, &statement);
    let sealed = ann.say(&mut world, conv, "by the chain");
    assert_eq!(recipients(&sealed), [device(&bob)]);

    // A server that hides the statement from ann cannot hide the control event that carries it.
    core::mem::swap(world.accounts.get_mut(&id).unwrap(), &mut before);
    let revoke = Control::Revoke {
        account: id,
        statement,
        logout: false,
    };
    bob.control(&mut world, conv, &revoke);
    let sealed = ann.say(&mut world, conv, "by the log");
    assert_eq!(recipients(&sealed), [device(&bob)]);
    assert!(stolen.texts(&world, conv).is_empty());
    assert_eq!(
        stolen.seal_text(&world, conv).unwrap_err(),
        SealError::NotMember
    );
}
