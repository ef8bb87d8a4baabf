//! Two lists of devices made one again: the branch that this home knows is taken into the server's
//! chain by a merge, by password or recovery code (docs/spec/ledger.md §4.5, docs/spec/e2e.md §3.6).

use super::appending::{Step, Undone, open_sentence};
use super::conversation::Conversation;
use super::login::{Admitted, admit};
use super::proof::Proof;
use super::renewing::{Fresh, Handover, Slots, Whose};
use super::sweeping::swept_steps;
use super::{Choice, unfit};
use crate::command::{Failure, FailureKind};
use crate::evidence::chains;
use crate::loss::OwnChainView;
use crate::randomness;
use bytes::Bytes;
use subrosa_e2e::{OpenedVault, SecretChange};
use subrosa_ledger::Account;
use subrosa_proto::{DeviceId, Signed, decode, limits};

/// So much of a request is left for what is not a statement: a bundle, a prekey.
const SPARE_BYTES: usize = limits::BUNDLE_BYTES_MAX + 4_096;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// How many branches were taken in; none if the server has what this home has.
    pub branches: usize,
    /// Whether this device was added anew.
    pub added: bool,
    /// Whether password and recovery code are new.
    pub renewed: bool,
    /// Devices that count as revoked now, by the branches.
    pub revoked: Vec<String>,
    /// Devices that only a branch had: they have to log in anew.
    pub left_out: Vec<String>,
}

/// What a home knows of its account.
struct Here {
    account: Account,
    device: DeviceId,
    label: String,
    prekey: Option<Signed>,
}

/// Joins what this home and a piece of evidence know of the account to the server's chain.
///
/// # Errors
/// [`Failure`] says whether anything was changed, or that this is not known.
pub async fn merge_devices(
    whose: Whose<'_>,
    proof: &Proof,
    (own, evidence): (&OwnChainView, Option<&[u8]>),
    choice: &Choice,
    handover: &mut dyn Handover,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<Joined, Failure> {
    let here = Here::read(own)?;
    let branches = branches(&here, evidence)?;
    swept_steps(join(
        whose,
        proof,
        (here, branches),
        choice,
        handover,
        progress,
    ))
    .await
}

async fn join(
    whose: Whose<'_>,
    proof: &Proof,
    (here, branches): (Here, Vec<Account>),
    choice: &Choice,
    handover: &mut dyn Handover,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<Joined, Failure> {
    progress("connecting to the server");
    let mut conversation = Conversation::open(whose.address).await?;
    progress(if proof.is_recovery() {
        "checking the recovery code"
    } else {
        "checking the password"
    });
    let Admitted { account, vault } = admit(&mut conversation, whose, proof).await?;
    if account.id() != here.account.id() {
        return Err(distrust(
            "the server has another account under this name than this home",
        ));
    }
    let mut plan = Plan::of(&account, &vault, &branches)?;
    let add = plan.adds(&here);
    let mut after = None;
    let mut bundle = None;
    if plan.renews {
        progress("stretching the new secrets");
        let fresh = Fresh::choose(choice, whose.name, true)?;
        let slots = fresh
            .register(&mut conversation, whose)
            .await?
            .slots(account.id());
        bundle = Some(plan.renew(&vault, &slots, add.then_some(&here))?);
        handover.hand_over(&fresh.shown())?;
        after = Some(fresh.proof()?);
    } else if add {
        let added = vault.add_device(&plan.account, here.device, &here.label);
        plan.append(vec![added])?;
    }
    drop(vault);
    let joined = plan.outcome(&account, &here, add);
    let step = Step {
        statements: plan.statements,
        bundle,
        prekey: here.prekey.filter(|_| add),
    };
    if step.statements.is_empty() {
        return Ok(joined);
    }
    progress("joining the two lists of devices");
    let proofs = [proof, after.as_ref().unwrap_or(proof)];
    match step.settle(conversation, whose, proofs).await {
        Ok(mut conversation) => {
            drop(conversation.link.writer().close().await);
            Ok(joined)
        }
        Err(undone) => {
            if after.is_some() && !undone.open {
                handover.withdraw();
            }
            Err(failure(undone))
        }
    }
}

fn failure(undone: Undone) -> Failure {
    if undone.open {
        let what = "the two lists, with the old password, or the joined one";
        open_sentence(&undone.failure, what)
    } else {
        undone.failure
    }
}

impl Here {
    fn read(own: &OwnChainView) -> Result<Self, Failure> {
        let defect = || Failure::defect("what this home knows of its account cannot be read");
        let chain: Vec<Signed> =
            decode(&Bytes::copy_from_slice(&own.chain)).map_err(|_| defect())?;
        let account = Account::from_chain(&chain).map_err(|_| defect())?;
        let prekey = own
            .prekey
            .as_ref()
            .map(|bytes| decode(&Bytes::copy_from_slice(bytes)));
        Ok(Self {
            account,
            device: DeviceId::from_hex(&own.device).ok_or_else(defect)?,
            label: own.label.clone(),
            prekey: prekey.transpose().map_err(|_| defect())?,
        })
    }
}

/// All that is known of the account beside the server's chain.
fn branches(here: &Here, evidence: Option<&[u8]>) -> Result<Vec<Account>, Failure> {
    let mut all = vec![here.account.clone()];
    if let Some(file) = evidence {
        let chains =
            chains(file).map_err(|error| Failure::user(format!("{error}: ask for it again")))?;
        all.extend(chains);
    }
    if all.iter().any(|account| account.id() != here.account.id()) {
        return Err(Failure::user(
            "the evidence is about another account: it has to be what `subrosa evidence` of a contact wrote about yours",
        ));
    }
    Ok(all)
}

/// What is to be appended.
struct Plan {
    /// The server's chain with all that.
    account: Account,
    statements: Vec<Signed>,
    taken_in: Vec<Account>,
    /// The vault was changed on a branch too: which secrets count is not to be left to chance.
    renews: bool,
}

impl Plan {
    fn of(account: &Account, vault: &OpenedVault, branches: &[Account]) -> Result<Self, Failure> {
        let mut plan = Self {
            account: account.clone(),
            statements: Vec::new(),
            taken_in: Vec::new(),
            renews: false,
        };
        let version = |account: &Account| account.vault().map_or(0, |(version, _)| version);
        for branch in branches {
            if plan.account.covers(branch) {
                continue;
            }
            if branch.covers(&plan.account) {
                return Err(distrust(
                    "the server has forgotten the latest changes of this account's devices, and has none of its own to join with them: whoever runs it brings them back with `subrosa admin restore` from its newest copy, and this home gives back what that lacks",
                ));
            }
            let mut statements = branch.apart_from(&plan.account);
            statements.push(vault.merge(&plan.account, branch));
            plan.append(statements)?;
            plan.renews |= branch.vault() != account.vault() && version(branch) >= version(account);
            plan.taken_in.push(branch.clone());
        }
        Ok(plan)
    }

    /// New secrets, and with them a device if one is named: the bundle.
    fn renew(
        &mut self,
        vault: &OpenedVault,
        slots: &Slots,
        device: Option<&Here>,
    ) -> Result<Bytes, Failure> {
        let change = SecretChange {
            password: slots.password(),
            recovery: slots.code(),
            device: device.map(|here| (here.device, here.label.as_str())),
        };
        let rewritten = vault
            .change(&self.account, change, &mut randomness::system())
            .map_err(|error| Failure::defect(error.to_string()))?;
        self.append(rewritten.statements)?;
        Ok(rewritten.bundle)
    }

    fn append(&mut self, statements: Vec<Signed>) -> Result<(), Failure> {
        self.account.extend(&statements).map_err(|error| match error {
            subrosa_ledger::ChainError::Fork(_) => distrust(
                "the two lists of devices have parted too often to be joined: begin anew under a new account",
            ),
            other => unfit(&other),
        })?;
        self.statements.extend(statements);
        let bytes = self.statements.iter().map(|signed| signed.body.len() + 80);
        if bytes.sum::<usize>() + SPARE_BYTES > limits::MESSAGE_BYTES_JOINING_MAX {
            return Err(distrust(
                "the two lists of devices have parted too far to be joined: begin anew under a new account",
            ));
        }
        Ok(())
    }

    /// Whether the device at hand is to be added: a branch had it, or the server has lost it.
    fn adds(&self, here: &Here) -> bool {
        let known = here.account.device(&here.device);
        let lives = known.is_some_and(subrosa_ledger::Device::live);
        lives && !self.account.certified(&here.device) && here.prekey.is_some()
    }

    fn outcome(&self, before: &Account, here: &Here, added: bool) -> Joined {
        let labels = |devices: Vec<&subrosa_ledger::Device>| {
            let labels = devices.into_iter().map(|device| device.label.clone());
            labels.collect::<Vec<_>>()
        };
        let ended = |device: &&subrosa_ledger::Device| self.account.revoked(&device.id).is_some();
        let only_there = |device: &&subrosa_ledger::Device| {
            let here_now = added && device.id == here.device;
            !self.account.certified(&device.id) && !here_now
        };
        let there = self.taken_in.iter().flat_map(Account::devices);
        Joined {
            branches: self.taken_in.len(),
            added,
            renewed: self.renews,
            revoked: labels(before.devices().filter(ended).collect()),
            left_out: labels(there.filter(only_there).collect()),
        }
    }
}

fn distrust(sentence: &str) -> Failure {
    Failure {
        kind: FailureKind::Trust,
        sentence: sentence.to_owned(),
    }
}
