//! The private keys in a home, for the search of the server's files. The shapes are those of
//! docs/spec/e2e.md; a record of another shape makes the demonstration fail rather than search less.

use super::search::Needle;
use subrosa_client::store::{self, Desk, Store, StoreError, StoreKey};
use subrosa_client::{Failure, Home};
use subrosa_proto::codec::Wire;
use subrosa_proto::{AccountId, ConvId, DeviceId, EventHash, SessionId, Signed, decode, record};
use zeroize::Zeroizing;

record! {
    struct DeviceRecord { account: AccountId, seed: [u8; 32] }
}
record! {
    struct PrekeyRecord { id: u64, seed: [u8; 32], made_ms: u64, superseded_ms: Option<u64>, signed: Signed }
}
record! {
    struct OutboundRecord {
        session: SessionId, ctl: EventHash, recipients: [u8; 32], opened_ms: u64, next: u32, limit: u32, chain_key: [u8; 32],
    }
}
record! {
    struct SessionRecord {
        session: SessionId, conv: ConvId, account: AccountId, device: DeviceId, ctl: EventHash, opened_ms: u64, first_key: [u8; 32],
    }
}

/// What a record of the store gives.
type Contents = Zeroizing<Vec<u8>>;

/// All private keys of a home that nobody sits in.
pub fn of(home: &Home, name: &str, convs: &[ConvId]) -> anyhow::Result<Vec<Needle>> {
    let held = home
        .lock()
        .map_err(|error| Failure::user(error.to_string()))?;
    if held.is_none() {
        return Err(Failure::defect(
            "a home of the demonstration is still in use; please report it",
        )
        .into());
    }
    let key = StoreKey::load(home.dir(), None).map_err(|error| Failure::user(error.to_string()))?;
    let mut store = Store::open(home.dir(), store::FILE, &key, false).map_err(Failure::from)?;
    let mut needles =
        store.transaction(|desk| Ok::<_, StoreError>(in_records(desk, name, convs)))??;
    store.close();
    needles.push(Needle::new(
        format!("{name}'s key of the local store"),
        &read_key(home)?,
    ));
    Ok(needles)
}

fn read_key(home: &Home) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let path = home.file("key");
    let read = std::fs::read(&path).map(Zeroizing::new);
    Ok(read
        .map_err(|error| Failure::user(format!("{} cannot be read ({error})", path.display())))?)
}

fn in_records(desk: &Desk<'_>, name: &str, convs: &[ConvId]) -> anyhow::Result<Vec<Needle>> {
    let mut needles = Vec::new();
    let mut found =
        |what: &str, key: [u8; 32]| needles.push(Needle::new(format!("{name}'s {what}"), &key));
    for (record, contents) in desk.records_at_start()? {
        let record = record.to_string();
        if record == "device" {
            found("device key", shape::<DeviceRecord>(&contents)?.seed);
        } else if record.starts_with("prekey/") {
            found("prekey", shape::<PrekeyRecord>(&contents)?.seed);
        } else if record.starts_with("outbound/") {
            found(
                "chain key of a session",
                shape::<OutboundRecord>(&contents)?.chain_key,
            );
        }
    }
    for conv in convs {
        let Some(session) = desk.newest_session(conv)? else {
            continue;
        };
        let record = format!("session/{session}")
            .parse()
            .map_err(|_| unreadable())?;
        if let Some(contents) = desk.record(&record)? {
            found(
                "first key of a session",
                shape::<SessionRecord>(&contents)?.first_key,
            );
        }
    }
    Ok(needles)
}

fn shape<T: Wire>(contents: &Contents) -> anyhow::Result<T> {
    Ok(decode(&contents.to_vec().into()).map_err(|_| unreadable())?)
}

fn unreadable() -> Failure {
    Failure::defect(
        "the keys of a person in the demonstration cannot be read, so that the search would miss them; please report it",
    )
}
