//! The records that are about an account, in words. Every kind of record is listed here by its
//! letter; one of a new kind is shown as unknown until it has a line.

use super::{Subject, ViewError, hex, time};
use crate::records::{
    self as keys, AccountRow, ConversationRow, DueRow, InviteRow, PlaceRow, Reads, due_of,
};
use crate::storage::RecordKey;
use crate::storage::sqlite::RecordSeen;
use subrosa_ledger::Conversation;
use subrosa_proto::{
    AccountId, Control, ConvId, Event, Header, Prekey, Register, Signed, Statement, StatementOp,
    decode,
};

/// A record and what it says.
pub(super) struct Told {
    pub kind: &'static str,
    pub says: String,
    pub record: RecordSeen,
}

type About = (
    &'static str,
    Vec<u8>,
    fn(&Subject<'_>, &RecordSeen) -> Option<String>,
);

impl Subject<'_> {
    /// All records that are about this account.
    pub(super) fn records(&self) -> Result<Vec<Told>, ViewError> {
        let bytes = |key: RecordKey| key.as_bytes().to_vec();
        let id = &self.id;
        let mut about: Vec<About> = vec![
            ("name", vec![b'N'], named),
            ("account", bytes(keys::account(id)), account),
            ("statement", bytes(keys::statements(id)), statement),
            ("bundle", bytes(keys::bundle(id)), bundle),
            ("login", vec![b'L'], login),
            ("prekey", bytes(keys::prekeys(id)), prekey),
            ("invite", vec![b'I'], invite),
            ("open invite", bytes(keys::open_invites(id)), open_invite),
            ("guest", vec![b'G'], guest),
            ("bot", bytes(keys::bots(id)), bot),
            ("bot's line", vec![b'Y'], bots_line),
            ("pair", vec![b'P'], pair),
            ("place", bytes(keys::places(id)), place),
            ("request", bytes(keys::waiting(id)), waiting),
            ("body to drop", vec![b'X'], due),
            ("server", vec![b'!'], server),
        ];
        for conv in &self.conversations {
            about.push((
                "conversation",
                bytes(keys::conversation(conv)),
                conversation,
            ));
            about.push(("control", bytes(keys::controls(conv)), control));
            about.push(("log hash", bytes(keys::mark_prefix(conv)), mark));
            about.push(("receipt", bytes(keys::receipts(conv)), receipt));
        }
        let mut told = Vec::new();
        for (kind, prefix, says) in about {
            for record in self.glass.records(&prefix)? {
                if let Some(says) = says(self, &record) {
                    told.push(Told { kind, says, record });
                }
            }
        }
        told.extend(self.unknown()?);
        Ok(told)
    }

    /// Records of kinds that this text does not know, whosever they are.
    fn unknown(&self) -> Result<Vec<Told>, ViewError> {
        let known = b"!ABCGHIJKLMNOPRSUWXY";
        let mut told = Vec::new();
        for kind in (0..=u8::MAX).filter(|kind| !known.contains(kind)) {
            for record in self.glass.records(&[kind])? {
                told.push(Told {
                    kind: "unknown",
                    says: format!("kind {:?}, key {}", char::from(kind), hex(&record.key)),
                    record,
                });
            }
        }
        Ok(told)
    }

    fn of_key(&self, record: &RecordSeen, at: usize) -> Option<String> {
        id_at(&record.key, at).map(|id| self.name(&AccountId(id)))
    }
}

const UNREADABLE: &str = "cannot be read";

fn id_at(key: &[u8], at: usize) -> Option<[u8; 32]> {
    key.get(at..)?.first_chunk::<32>().copied()
}

fn position(record: &RecordSeen) -> u64 {
    let last = record.key.last_chunk::<8>();
    last.map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// The device that a statement adds.
pub(super) fn added_device(signed: &Signed) -> Option<subrosa_proto::DeviceId> {
    match decode::<Statement>(&signed.body).ok()?.op {
        StatementOp::DeviceAdd { device, .. } => Some(device),
        _ => None,
    }
}

fn said(text: Option<String>) -> Option<String> {
    Some(text.unwrap_or_else(|| UNREADABLE.to_owned()))
}

fn named(subject: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let id: AccountId = decode(&record.value).ok()?;
    let name = String::from_utf8_lossy(record.key.get(1..).unwrap_or_default());
    (id == subject.id).then(|| format!("{name} is account {id}"))
}

fn account(_: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    said(decode::<AccountRow>(&record.value).ok().map(|row| {
        format!(
            "{} since {}, {} statements, the last with hash {}",
            row.name,
            time(row.since_ms),
            row.head.seq.saturating_add(1),
            row.head.hash
        )
    }))
}

fn statement(_: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let read = || {
        let signed: Signed = decode(&record.value).ok()?;
        let statement: Statement = decode(&signed.body).ok()?;
        let says = match statement.op {
            StatementOp::Genesis { identity, name } => {
                format!("identity key {} of {name}", hex(&identity))
            }
            StatementOp::DeviceAdd { device, label } => format!("device {device} {label:?} added"),
            StatementOp::DeviceRevoke { device } => format!("device {device} revoked"),
            StatementOp::HistoryKey { generation, .. } => {
                format!("history key, generation {generation}")
            }
            StatementOp::Vault { version, .. } => format!("vault, version {version}"),
            StatementOp::Merge { other } => format!("merged with {other}"),
            StatementOp::Bot { warrant } => warranted(&warrant),
        };
        Some(format!("{}: {says}", statement.seq))
    };
    said(read())
}

/// Whose bot it is, and where.
pub(super) fn warranted(signed: &Signed) -> String {
    let Ok(warrant) = decode::<subrosa_proto::Warrant>(&signed.body) else {
        return UNREADABLE.to_owned();
    };
    let rooms = warrant.grants.iter().map(|grant| {
        let may = match (grant.post, grant.read) {
            (true, true) => "post and read",
            (true, false) => "post",
            _ => "read",
        };
        format!(", may {may} in {}", grant.conv)
    });
    format!("a bot of {}{}", warrant.owner, rooms.collect::<String>())
}

fn bundle(_: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let read = decode::<subrosa_proto::Bundle>(&record.value).ok();
    said(read.map(|bundle| {
        format!(
            "version {}: sealed vault of {} bytes and two slots",
            bundle.version,
            bundle.vault.len()
        )
    }))
}

fn login(subject: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let mine = id_at(&record.key, 1) == Some(subject.id.0);
    let which = if record.key.last() == Some(&0) {
        "password"
    } else {
        "recovery code"
    };
    mine.then(|| format!("an OPAQUE record of the {which}"))
}

fn prekey(_: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let read = || {
        let signed: Signed = decode(&record.value).ok()?;
        let prekey: Prekey = decode(&signed.body).ok()?;
        let says = if prekey.id == subrosa_proto::LOGOUT_ID {
            "has logged out".to_owned()
        } else {
            format!("prekey {} until {}", prekey.id, time(prekey.expires_ms))
        };
        Some(format!("device {}: {says}", prekey.device))
    };
    said(read())
}

fn invite(subject: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let row: InviteRow = decode(&record.value).ok()?;
    let by = row.author == Some(subject.id);
    let used = row.used_by == Some(subject.id);
    let name =
        |id: Option<AccountId>| id.map_or_else(|| "nobody".to_owned(), |id| subject.name(&id));
    let note = row.note.map_or(0, |note| note.len());
    (by || used).then(|| {
        format!(
            "left by {}, good until {}, used by {}, with a sealed note of {note} bytes",
            name(row.author),
            time(row.expires_ms),
            name(row.used_by),
        )
    })
}

fn open_invite(_: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let code = record.key.last_chunk::<32>();
    said(code.map(|code| format!("hash of its code {}", hex(code))))
}

fn bot(subject: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    said(
        subject
            .of_key(record, 33)
            .map(|bot| format!("has the bot {bot}")),
    )
}

fn bots_line(subject: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let id: AccountId = decode(&record.value).ok()?;
    (id == subject.id).then(|| "was made for a line, of whose code this is the hash".to_owned())
}

fn guest(subject: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let (host, guest) = (id_at(&record.key, 1)?, id_at(&record.key, 33)?);
    let mine = [host, guest].contains(&subject.id.0);
    let names = (subject.of_key(record, 1)?, subject.of_key(record, 33)?);
    mine.then(|| format!("{} came by an invite of {}", names.1, names.0))
}

fn pair(subject: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let (low, high) = (id_at(&record.key, 1)?, id_at(&record.key, 33)?);
    let mine = [low, high].contains(&subject.id.0);
    let names = (subject.of_key(record, 1)?, subject.of_key(record, 33)?);
    let conv = decode::<ConvId>(&record.value).ok();
    let conv = conv.map_or_else(|| UNREADABLE.to_owned(), |conv| conv.to_string());
    mine.then(|| format!("{} and {} have the conversation {conv}", names.0, names.1))
}

fn place(_: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let conv = ConvId(*record.key.last_chunk::<32>()?);
    let read = decode::<PlaceRow>(&record.value).ok();
    said(read.map(|place| {
        let until = place
            .until
            .map_or_else(|| "now".to_owned(), |until| until.to_string());
        let reads = place.reads.iter().map(|Reads { from, to }| match to {
            Some(to) => format!("{from}–{to}"),
            None => format!("{from}–"),
        });
        let reads = Vec::from_iter(reads).join(" ");
        format!(
            "in {conv} from position {} to {until}, may read {reads}",
            place.since
        )
    }))
}

fn waiting(_: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let conv = ConvId(*record.key.last_chunk::<32>()?);
    Some(format!("{conv} is not accepted yet"))
}

fn due(subject: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let kind = *record.key.first()?;
    let key = RecordKey::new(kind, &[record.key.get(1..)?]);
    let (at_ms, conv, position) = due_of(&key)?;
    let mine = subject.conversations.contains(&conv);
    let why = decode::<DueRow>(&record.value).ok();
    let why = why.map_or_else(|| UNREADABLE.to_owned(), |row| format!("{:?}", row.why));
    mine.then(|| format!("position {position} of {conv} at {}: {why}", time(at_ms)))
}

fn server(_: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let read = decode::<keys::ServerRow>(&record.value).ok();
    said(read.map(|row| {
        format!(
            "life {} of the database, reached at {}; nobody's account is {}",
            row.incarnation, row.hosts, row.nobody
        )
    }))
}

fn conversation(subject: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let read = || {
        let row: ConversationRow = decode(&record.value).ok()?;
        let state: Conversation = decode(&row.state).ok()?;
        let members = state.members().map(|member| {
            let wait = if member.pending { ", pending" } else { "" };
            format!(
                "{} ({:?}{wait})",
                subject.name(&member.account),
                member.role
            )
        });
        Some(format!(
            "{} is {:?}, archive {}, closed {}, timer {}, at position {}: {}",
            state.id(),
            state.form(),
            state.archive(),
            state.closed(),
            state.timer(),
            row.position,
            Vec::from_iter(members).join(", ")
        ))
    };
    said(read())
}

fn control(subject: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let read = || {
        let event: Event = decode(&record.value).ok()?;
        let header: Header = decode(&event.header).ok()?;
        let control: Control = decode(&event.body).ok()?;
        let name = |id: &AccountId| subject.name(id);
        let what = match &control {
            Control::Create { form, .. } => format!("created it as {form:?}"),
            Control::Add {
                account,
                role,
                pending,
            } => {
                let asked = if *pending { ", to be accepted" } else { "" };
                format!("added {} as {role:?}{asked}", name(account))
            }
            Control::Accept {} => "accepted".to_owned(),
            Control::Remove { account } => format!("removed {}", name(account)),
            Control::SetRole { account, role } => format!("made {} {role:?}", name(account)),
            Control::Leave {} => "left".to_owned(),
            Control::Policy { members_add, timer } => {
                format!("set members_add {members_add}, timer {timer}")
            }
            Control::Revoke { account, .. } => format!("ended a device of {}", name(account)),
            Control::Close {} => "closed it".to_owned(),
            Control::Link { .. } => "left a link".to_owned(),
        };
        Some(format!(
            "{} at position {}, device {}: {what}",
            name(&header.account),
            position(record),
            header.device
        ))
    };
    said(read())
}

fn mark(_: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    Some(format!("at position {}", position(record)))
}

fn receipt(subject: &Subject<'_>, record: &RecordSeen) -> Option<String> {
    let read = || {
        let signed: Signed = decode(&record.value).ok()?;
        let register: Register = decode(&signed.body).ok()?;
        Some(register)
    };
    match read() {
        None => Some(UNREADABLE.to_owned()),
        Some(register) => (register.account == subject.id).then(|| {
            format!(
                "device {} in {} at position {}, sealed",
                register.device, register.conv, register.at
            )
        }),
    }
}
