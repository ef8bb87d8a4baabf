//! What rooms are called and who came into them, beside what the log itself says
//! (docs/spec/e2e.md §2.5).

use super::inbox::Spot;
use super::outlook::Wish;
use super::rows::LINE_INFO;
use super::talk::Talk;
use super::turn::{CallId, Turn};
use super::{Engine, EngineError};
use crate::store::{Added, Desk, StoreError, StoredRoom};
use crate::view::Notice;
use std::collections::{HashMap, HashSet};
use subrosa_e2e::{Body, Content, RoomName, RoomTitle};
use subrosa_proto::{AccountId, Control, ConvId, Form, Role, decode, encode, record};

/// How long a device that is next in line waits for those before it to tell a newcomer the title.
const TURN_MS: u64 = 10_000;
/// In the place of the first admin when the adder is an admin, so that its devices come before.
const ADMINS_FROM: u64 = 6;
/// In a room with more recipients a title is told once for all who come shortly after each other.
const CROWD: usize = 16;

/// What is known of rooms, by the numbers of their conversations.
#[derive(Default)]
pub(super) struct Rooms {
    known: HashMap<i64, StoredRoom>,
    /// Who last added this account.
    askers: HashMap<i64, AccountId>,
    /// Wishes of the engine's own that this process has made once.
    pub tried: HashSet<String>,
    /// Conversations that this process is accepting by itself.
    pub accepting: HashSet<i64>,
    /// What a bot's rooms are called where its owner is: its own names for them.
    told: HashMap<ConvId, String>,
    /// Calls that wait for a room to be opened, with its place among the openings.
    pub opening: Vec<(CallId, i64)>,
}

record! {
    /// What is to be done in a room as soon as it is open.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Plan {
        /// What it is called.
        pub title: RoomTitle,
        /// Whether it keeps an archive.
        pub archive: bool,
        /// Whether plain members may add.
        pub members_add: bool,
        /// Who is added.
        pub people: Vec<AccountId>,
    }
}

impl Plan {
    /// What is wished in the room.
    pub fn wishes(&self) -> Vec<Wish> {
        let policy = Wish::Policy {
            members_add: Some(true),
            timer: None,
        };
        let role = Role::Member;
        let people = self.people.iter();
        let adds = people.map(|account| Wish::Add {
            account: *account,
            role,
        });
        self.members_add
            .then_some(policy)
            .into_iter()
            .chain(adds)
            .collect()
    }
}

impl Rooms {
    pub fn load(desk: &Desk<'_>, own: &AccountId) -> Result<Self, StoreError> {
        let told: Option<Vec<RoomName>> = desk.fact(super::fact::BOT_ROOMS)?;
        let told = told.into_iter().flatten();
        Ok(Self {
            told: told
                .map(|room| (room.conv, local_name(&room.name)))
                .collect(),
            known: desk.rooms()?.into_iter().collect(),
            askers: desk.adders(own)?.into_iter().collect(),
            ..Self::default()
        })
    }

    /// What a room is called, as far as this device has read it.
    pub fn title(&self, no: i64) -> Option<RoomTitle> {
        let bytes = self.known.get(&no)?.title.as_ref()?;
        decode(bytes).ok()
    }

    /// What a bot's owner calls a room.
    pub fn told_name(&self, conv: &ConvId) -> Option<&String> {
        self.told.get(conv)
    }

    /// Who last added this account to a room.
    pub fn asker(&self, no: i64) -> Option<AccountId> {
        self.askers.get(&no).copied()
    }

    /// Whether the person does not want to see a request.
    pub fn refused(&self, no: i64) -> bool {
        self.known.get(&no).is_some_and(|room| room.refused)
    }

    /// Whether it is open yet whether this account may be made a member by whoever did that.
    pub fn unasked(&self, no: i64) -> bool {
        self.known.get(&no).is_some_and(|room| room.unasked > 0)
    }

    /// The rooms of which that is open, and where this account was made a member.
    pub fn all_unasked(&self) -> Vec<(i64, u64)> {
        let open = self.known.iter().filter(|(_, room)| room.unasked > 0);
        open.map(|(no, room)| (*no, room.unasked)).collect()
    }

    /// Changes what is known of a room, here and on disk.
    pub fn change(
        &mut self,
        desk: &Desk<'_>,
        no: i64,
        change: impl FnOnce(&mut StoredRoom),
    ) -> Result<(), StoreError> {
        let room = self.known.entry(no).or_default();
        change(room);
        desk.set_room(no, room)
    }
}

/// What a room is called on the command line, after the sign: letters and digits of any script,
/// and what stands between them as a dash.
pub(super) fn local_name(title: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let dashed: String = title
        .trim_start_matches('#')
        .chars()
        .map(|c| if fits(c) { c } else { '-' })
        .collect();
    let name = dashed.trim_matches('-');
    format!("#{}", if name.is_empty() { "room" } else { name })
}

impl Engine {
    /// Takes in what a control event of a room says about its people.
    pub(super) fn heed_people(
        &mut self,
        turn: &Turn<'_>,
        talk: &Talk,
        spot: &Spot,
        control: &Control,
    ) -> Result<(), EngineError> {
        if talk.state.form() != Form::Room {
            return Ok(());
        }
        match control {
            Control::Add {
                account, pending, ..
            } => {
                let added = Added {
                    position: spot.position,
                    adder: spot.author,
                    device: spot.device,
                };
                turn.desk.set_added(talk.no, account, &added)?;
                if *account == self.account {
                    self.rooms.askers.insert(talk.no, spot.author);
                    self.rooms.change(turn.desk, talk.no, |room| {
                        room.refused = false;
                        room.unasked = if *pending { 0 } else { spot.position };
                    })?;
                }
                if !pending {
                    self.has_joined(turn, talk, spot, account)?;
                }
            }
            Control::Accept {} => self.has_joined(turn, talk, spot, &spot.author)?,
            _ => {}
        }
        Ok(())
    }

    /// Somebody reads in a room from here on.
    fn has_joined(
        &mut self,
        turn: &Turn<'_>,
        talk: &Talk,
        spot: &Spot,
        account: &AccountId,
    ) -> Result<(), EngineError> {
        Ok(self.rooms.change(turn.desk, talk.no, |room| {
            room.joined = spot.position;
            room.joined_ms = spot.arrived_ms;
            room.newcomer = Some(*account);
        })?)
    }

    /// Somebody says what a room is called.
    pub(super) fn titled(
        &mut self,
        turn: &mut Turn<'_>,
        talk: &mut Talk,
        spot: &Spot,
        title: &RoomTitle,
    ) -> Result<(), EngineError> {
        let admin = talk.state.role_of(&spot.author) == Some(Role::Admin);
        let newest = self.rooms.known.get(&talk.no).map_or(0, |room| room.titled);
        if talk.state.form() != Form::Room || !admin || spot.position <= newest {
            return Ok(());
        }
        let before = self.rooms.title(talk.no);
        self.rooms.change(turn.desk, talk.no, |room| {
            room.title = Some(encode(title));
            room.titled = spot.position;
        })?;
        if before.as_ref() == Some(title) {
            return Ok(());
        }
        let author = self.people.name_of(&spot.author);
        if let Some(words) = title_words(&author, before.as_ref(), title) {
            self.note(turn, talk, spot, LINE_INFO, words.as_bytes())?;
        }
        if before.is_none() {
            self.bind_name(turn, talk, &title.name)?;
            let view = self.conversation_view(turn.desk, talk)?;
            self.tell_all(turn, &Notice::Joined(view));
        }
        Ok(())
    }

    /// Gives a room its name in this home, for good.
    pub(super) fn bind_name(
        &self,
        turn: &Turn<'_>,
        talk: &mut Talk,
        name: &str,
    ) -> Result<(), EngineError> {
        let wish = local_name(name);
        if talk.name != wish && self.rooms.told_name(&talk.id()).is_none() {
            talk.name = turn.desk.rename_conversation(talk.no, &wish)?;
        }
        Ok(())
    }

    /// Tells newcomers what a room is called, where it is this device's turn (docs/spec/e2e.md §2.5).
    pub(super) fn tell_titles(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        let owed: Vec<i64> = self
            .rooms
            .known
            .iter()
            .filter(|(_, room)| room.title.is_some() && room.joined > room.titled)
            .map(|(no, _)| *no)
            .collect();
        for no in owed {
            let Some(due_ms) = self.title_due(turn, no)? else {
                continue;
            };
            let here_ms = turn.now_ms.saturating_add_signed(self.link.ahead_ms);
            if due_ms > here_ms {
                turn.wake(turn.now_ms.saturating_add(due_ms - here_ms));
                continue;
            }
            let (Some(title), Some(room), Some(talk)) = (
                self.rooms.title(no),
                self.rooms.known.get(&no),
                self.talks.get(&no),
            ) else {
                continue;
            };
            let caller = format!("title/{}/{}", talk.id(), room.joined);
            if self.rooms.tried.insert(caller.clone()) {
                let content = Content::new(title, turn.now_ms, &mut turn.rng);
                self.enqueue(turn, no, &caller, &content, false)?;
            }
        }
        Ok(())
    }

    /// When it is this device's turn to tell the newcomers of a room its title, by the server's
    /// clock; never, where others have to.
    fn title_due(&self, turn: &Turn<'_>, no: i64) -> Result<Option<u64>, EngineError> {
        let (Some(talk), Some(room)) = (self.talks.get(&no), self.rooms.known.get(&no)) else {
            return Ok(None);
        };
        let mine = talk.state.member(&self.account);
        let admin = mine.is_some_and(|mine| mine.role == Role::Admin && !mine.pending);
        let Some(newcomer) = room.newcomer.filter(|who| *who != self.account) else {
            return Ok(None);
        };
        if !admin || talk.state.closed() || !talk.synced() || talk.halt.is_some() {
            return Ok(None);
        }
        if self.silenced(talk) || self.tells_soon(turn, talk)? {
            return Ok(None);
        }
        let Some(added) = turn.desk.added(no, &newcomer)? else {
            return Ok(Some(room.joined_ms));
        };
        let admins = talk
            .state
            .members()
            .filter(|member| member.role == Role::Admin && !member.pending)
            .map(|member| member.account);
        let (mut place, mut adder_is_admin) = (0, false);
        for account in admins {
            adder_is_admin |= account == added.adder;
            place += u64::from(account < self.account && account != added.adder);
        }
        let turns = if added.adder == self.account {
            u64::from(added.device != self.machine.device())
        } else if adder_is_admin {
            place.saturating_add(ADMINS_FROM)
        } else {
            place
        };
        let crowd = u64::from(talk.state.recipients().nth(CROWD).is_some());
        let wait_ms = turns.saturating_add(crowd).saturating_mul(TURN_MS);
        Ok(Some(room.joined_ms.saturating_add(wait_ms)))
    }
}

impl Engine {
    /// Whether this device adds more people first, or has a title on its way already.
    fn tells_soon(&self, turn: &Turn<'_>, talk: &Talk) -> Result<bool, EngineError> {
        if talk.deed.is_some() || turn.desk.first_deed(talk.no)?.is_some() {
            return Ok(true);
        }
        let next = turn.desk.first_waiting(talk.no)?;
        let content = next.and_then(|next| Content::decode(&next.body).ok());
        Ok(content.is_some_and(|content| matches!(content.body, Body::RoomTitle(_))))
    }
}

fn title_words(author: &str, before: Option<&RoomTitle>, title: &RoomTitle) -> Option<String> {
    let about = match title.topic.as_str() {
        "" => String::new(),
        topic => format!("; its topic: {topic}"),
    };
    let name = &title.name;
    match before {
        None => Some(format!("this room is called {name}{about}")),
        Some(before) if before.name != *name => Some(format!(
            "{author} renamed the room from {} to {name}{about}",
            before.name
        )),
        Some(before) if before.topic != title.topic => Some(if title.topic.is_empty() {
            format!("{author} took the topic away")
        } else {
            format!("{author} set the topic: {}", title.topic)
        }),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_a_name_that_can_be_typed() {
        for (title, name) in [
            ("ops", "#ops"),
            ("#ops", "#ops"),
            ("Ops team", "#Ops-team"),
            ("büro 2", "#büro-2"),
            ("a\u{202e}b", "#a-b"),
            ("../..", "#..-.."),
            ("!!", "#room"),
            ("", "#room"),
        ] {
            assert_eq!(local_name(title), name, "{title:?}");
        }
    }

    #[test]
    fn a_title_is_told_in_words_and_an_unchanged_one_not_at_all() {
        let title = |name: &str, topic: &str| RoomTitle {
            name: name.to_owned(),
            topic: topic.to_owned(),
        };
        let ops = title("ops", "");
        assert_eq!(title_words("ada", Some(&ops), &ops), None);
        let told = |before, after| title_words("ada", before, &after).unwrap();
        assert_eq!(
            told(None, title("ops", "pagers")),
            "this room is called ops; its topic: pagers"
        );
        assert_eq!(
            told(Some(&ops), title("on call", "")),
            "ada renamed the room from ops to on call"
        );
        assert_eq!(
            told(Some(&ops), title("ops", "pagers")),
            "ada set the topic: pagers"
        );
        assert_eq!(
            told(Some(&title("ops", "x")), ops.clone()),
            "ada took the topic away"
        );
    }
}
