//! Evidence that somebody was shown two stories, in a form that anybody can check without an
//! account: signed bytes, and the chains that certify who signed (docs/spec/ledger.md §15).

use bytes::Bytes;
use subrosa_ledger::{Account, next_log, text, verify as verify_signature};
use subrosa_proto::{
    AccountId, ConvId, DeviceId, Event, EventHash, Header, LogHash, Signed, Statement, StatementOp,
    choice, decode, encode, record,
};

/// What the file begins with.
const FORMAT: &str = "subrosa-evidence";
/// Version of the format.
const VERSION: u64 = 1;
/// Steps between two positions, at most: as many as a list may have.
pub(crate) const STEPS_MAX: u64 = 4_096;

record! {
    /// The file.
    #[derive(Debug, Clone)]
    struct File {
        /// Names the format.
        format: String,
        /// Of the format.
        version: u64,
        /// What is proved, and how.
        proof: Proof,
    }
}

choice! {
    /// A contradiction.
    #[derive(Debug, Clone)]
    pub enum Proof {
        /// One identity key signed two statements of one number.
        1 => Chain { one: Vec<Signed>, other: Vec<Signed> },
        /// A member signed that it saw another log than a witness did. `log` is L at the position
        /// that the event quotes, as the finder had it.
        2 => Log { conv: ConvId, event: Bytes, author: Vec<Signed>, log: Option<LogHash>, witness: Option<Witness> },
        /// At (n, log) the finder took the control event `ctl` for the last that counts, and somebody else
        /// `other`: the author of the event, or without one the server.
        3 => Control { conv: ConvId, n: u64, log: LogHash, ctl: EventHash, other: EventHash, event: Option<Bytes>, author: Vec<Signed> },
    }
}

record! {
    /// An event by which a member signed that it saw the finder's log.
    #[derive(Debug, Clone)]
    pub struct Witness {
        /// The event.
        pub event: Bytes,
        /// Its author's chain.
        pub author: Vec<Signed>,
        /// Event hashes from behind the position in question up to the witness's base.
        pub steps: Vec<EventHash>,
    }
}

/// What a file shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// In sentences.
    pub sentences: Vec<String>,
    /// Whether it proves a contradiction by itself.
    pub proven: bool,
}

/// Why a file shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// It is no such file.
    #[error("this is no evidence that `subrosa evidence --export` has written, or it was changed")]
    Unreadable,
    /// Something in it is not signed by whom it names.
    #[error("the evidence does not hold: {0}")]
    Unfounded(&'static str),
}

impl Proof {
    /// The bytes of the file.
    pub(crate) fn file(self) -> Bytes {
        encode(&File {
            format: FORMAT.to_owned(),
            version: VERSION,
            proof: self,
        })
    }
}

/// Checks a file, with nothing but what is in it.
///
/// # Errors
/// [`EvidenceError`]
pub fn verify(bytes: &[u8]) -> Result<Finding, EvidenceError> {
    let file: File =
        decode(&Bytes::copy_from_slice(bytes)).map_err(|_| EvidenceError::Unreadable)?;
    if file.format != FORMAT || file.version != VERSION {
        return Err(EvidenceError::Unreadable);
    }
    match file.proof {
        Proof::Chain { one, other } => two_chains(&one, &other),
        Proof::Log {
            conv,
            event,
            author,
            log,
            witness,
        } => two_logs(conv, &event, &author, log, witness),
        Proof::Control {
            conv,
            n,
            log,
            ctl,
            other,
            event,
            author,
        } => {
            let said = event
                .map(|event| quoted(conv, &event, &author))
                .transpose()?;
            two_controls(conv, (n, log), [ctl, other], said)
        }
    }
}

/// The chains in a piece of evidence about a forked account, each good by itself.
pub(crate) fn chains(bytes: &[u8]) -> Result<[Account; 2], EvidenceError> {
    verify(bytes)?;
    let file: File =
        decode(&Bytes::copy_from_slice(bytes)).map_err(|_| EvidenceError::Unreadable)?;
    let chain = |statements: &[Signed]| {
        Account::from_chain(statements)
            .map_err(|_| EvidenceError::Unfounded("a chain in it breaks the rules"))
    };
    match file.proof {
        Proof::Chain { one, other } => Ok([chain(&one)?, chain(&other)?]),
        _ => Err(EvidenceError::Unfounded(
            "it is about a conversation and no account",
        )),
    }
}

fn two_chains(one: &[Signed], other: &[Signed]) -> Result<Finding, EvidenceError> {
    let chain = |statements: &[Signed]| {
        Account::from_chain(statements)
            .map_err(|_| EvidenceError::Unfounded("a chain in it breaks the rules"))
    };
    let (a, b) = (chain(one)?, chain(other)?);
    if a.id() != b.id() {
        return Err(EvidenceError::Unfounded("its chains are of two accounts"));
    }
    let both = a.next().min(b.next());
    let seq = (0..both)
        .find(|seq| a.hash_at(*seq) != b.hash_at(*seq))
        .ok_or(EvidenceError::Unfounded(
            "its chains do not contradict each other",
        ))?;
    let said = |chain: &[Signed]| {
        let signed = usize::try_from(seq).ok().and_then(|at| chain.get(at));
        signed.map_or_else(String::new, words)
    };
    Ok(Finding {
        sentences: vec![
            format!("the identity key of {} (account {}) signed two statements of number {seq}:", a.name(), a.id()),
            format!("one says: {}", said(one)),
            format!("the other says: {}", said(other)),
            format!("heads: {} at {}, and {} at {}", a.head().hash, a.head().seq, b.head().hash, b.head().seq),
            "whoever has the key, or a server that was put back to an old copy, has made two lists of devices of one account".to_owned(),
        ],
        proven: true,
    })
}

fn words(signed: &Signed) -> String {
    match decode::<Statement>(&signed.body).map(|statement| statement.op) {
        Ok(StatementOp::Genesis { name, .. }) => format!("the account {name} begins"),
        Ok(StatementOp::DeviceAdd { device, label }) => {
            format!("the device {device} ({label:?}) is added")
        }
        Ok(StatementOp::DeviceRevoke { device }) => format!("the device {device} is revoked"),
        Ok(StatementOp::HistoryKey { generation, .. }) => {
            format!("history key of generation {generation}")
        }
        Ok(StatementOp::Vault { version, .. }) => format!("vault of version {version}"),
        Ok(StatementOp::Merge { other }) => format!("merged with {other}"),
        Ok(StatementOp::Bot { .. }) => "is a bot, with its owner's warrant".to_owned(),
        Err(_) => "something unreadable".to_owned(),
    }
}

/// What a signed event says about the log.
struct Quoted {
    who: String,
    device: DeviceId,
    account: AccountId,
    n: u64,
    log: LogHash,
    ctl: EventHash,
}

fn quoted(conv: ConvId, bytes: &Bytes, chain: &[Signed]) -> Result<Quoted, EvidenceError> {
    let event: Event = decode(bytes).map_err(|_| EvidenceError::Unreadable)?;
    let header: Header = decode(&event.header).map_err(|_| EvidenceError::Unreadable)?;
    let author = Account::from_chain(chain)
        .map_err(|_| EvidenceError::Unfounded("a chain in it breaks the rules"))?;
    if header.conv != conv {
        return Err(EvidenceError::Unfounded(
            "an event is of another conversation",
        ));
    }
    if author.id() != header.account || !author.certified(&header.device) {
        return Err(EvidenceError::Unfounded(
            "an event's device is not certified by its account",
        ));
    }
    let signed = text::event(&event.header, &event.body);
    verify_signature(&header.device.0, &signed, &event.signature)
        .map_err(|_| EvidenceError::Unfounded("an event is not signed by its device"))?;
    Ok(Quoted {
        who: author.name().to_string(),
        device: header.device,
        account: header.account,
        n: header.base_n,
        log: header.base_log,
        ctl: header.ctl,
    })
}

fn two_logs(
    conv: ConvId,
    event: &Bytes,
    author: &[Signed],
    log: Option<LogHash>,
    witness: Option<Witness>,
) -> Result<Finding, EvidenceError> {
    let other = quoted(conv, event, author)?;
    let mut sentences = vec![
        format!("conversation {conv}"),
        format!(
            "the device {} of {} (account {}) signed that the log was {} at position {}",
            other.device, other.who, other.account, other.log, other.n
        ),
    ];
    let Some((log, witness)) = log.zip(witness) else {
        sentences.push("the finder's log was another one there, which nobody's signature in this file shows: this alone proves no more than the quotation".to_owned());
        return Ok(Finding {
            sentences,
            proven: false,
        });
    };
    let seen = quoted(conv, &witness.event, &witness.author)?;
    let mut reached = log;
    for (position, step) in (other.n.saturating_add(1)..).zip(&witness.steps) {
        reached = next_log(reached, position, *step);
    }
    let far = other.n.saturating_add(witness.steps.len() as u64);
    if far != seen.n || reached != seen.log {
        return Err(EvidenceError::Unfounded(
            "the steps do not lead to what the witness signed",
        ));
    }
    if log == other.log {
        return Err(EvidenceError::Unfounded("both saw the same log"));
    }
    sentences.push(format!(
        "the device {} of {} (account {}) signed that the log was {} at position {}, which makes it {} at position {}",
        seen.device, seen.who, seen.account, seen.log, seen.n, log, other.n
    ));
    sentences.push(if seen.device == other.device {
        "one device signed both: it contradicts itself, or its keys were copied".to_owned()
    } else {
        "the two were shown different logs of one conversation, or one of them lies about what it saw".to_owned()
    });
    Ok(Finding {
        sentences,
        proven: true,
    })
}

/// Nothing here shows who of the two is right, or that the finder says the truth about itself.
fn two_controls(
    conv: ConvId,
    base: (u64, LogHash),
    [ctl, other]: [EventHash; 2],
    said: Option<Quoted>,
) -> Result<Finding, EvidenceError> {
    if ctl == other {
        return Err(EvidenceError::Unfounded("both name the same control event"));
    }
    let whose = match said {
        None => "the server answered, which nobody signs,".to_owned(),
        Some(said) if (said.n, said.log) == base && said.ctl == other => format!(
            "the device {} of {} (account {}) signed",
            said.device, said.who, said.account
        ),
        Some(_) => return Err(EvidenceError::Unfounded("an event says something else")),
    };
    let (n, log) = base;
    Ok(Finding {
        sentences: vec![
            format!("conversation {conv}"),
            format!("the log was {log} at position {n}, for the finder and for the other"),
            format!("for the finder the control event {ctl} is the last that counts there"),
            format!("{whose} that it is {other}"),
            "the same log gives everybody the same members: one of the two judges it by other rules, or lies".to_owned(),
        ],
        proven: false,
    })
}
