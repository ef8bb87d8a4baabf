//! Which life of its database the server is in, and whether the secrets belong to it.

use crate::error::StartError;
use crate::randomness;
use crate::records::{self, ServerRow};
use crate::refused::Outcome;
use crate::secrets::Secrets;
use crate::storage::{Commit, Revision, Store, Write};
use bytes::Bytes;
use std::path::Path;
use subrosa_login::RECORD_LEN;
use subrosa_proto::{AccountId, Incarnation, encode};

/// Reads the server's own record, or writes the first one.
pub(crate) async fn open<S: Store>(
    store: &S,
    secrets: &Secrets,
    hosts: &str,
    now_ms: u64,
    data: &Path,
    secrets_path: &Path,
) -> Result<ServerRow, StartError> {
    let found = read(store)
        .await
        .map_err(|refused| refused.at_start(data))?;
    let (row, expected) = match found {
        Some((row, _)) if row.seed_check != secrets.check() => {
            return Err(StartError::SecretsForeign {
                path: secrets_path.to_owned(),
            });
        }
        Some((row, _)) if row.hosts == hosts => return Ok(row),
        Some((row, revision)) => (
            ServerRow {
                hosts: hosts.to_owned(),
                ..row
            },
            revision,
        ),
        None => (fresh(secrets, hosts), Revision::ABSENT),
    };
    let mut writes = vec![Write {
        key: records::server(),
        expected,
        value: Some(encode(&row)),
    }];
    if expected == Revision::ABSENT {
        // Unknown names are answered from these, which no password opens.
        for credential in 0..=1 {
            let bytes: [u8; RECORD_LEN] = randomness::bytes();
            writes.push(Write {
                key: records::login(&row.nobody, credential),
                expected,
                value: Some(Bytes::copy_from_slice(&bytes)),
            });
        }
    }
    let commit = Commit {
        idem: None,
        now_ms,
        guards: Vec::new(),
        writes,
    };
    store
        .commit(commit)
        .await
        .map_err(|error| StartError::from_store(error, data))?;
    Ok(row)
}

/// The server's own record.
pub(crate) async fn read<S: Store>(store: &S) -> Outcome<Option<(ServerRow, Revision)>> {
    let found = store
        .get(vec![records::server()])
        .await?
        .into_iter()
        .next()
        .flatten();
    found
        .map(|record| Ok((records::decode(&record.value)?, record.revision)))
        .transpose()
}

fn fresh(secrets: &Secrets, hosts: &str) -> ServerRow {
    ServerRow {
        incarnation: Incarnation(randomness::bytes()),
        seed_check: secrets.check(),
        nobody: AccountId(randomness::bytes()),
        hosts: hosts.to_owned(),
        restored: None,
    }
}
