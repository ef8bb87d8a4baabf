//! Invites: the server keeps the hash of the code, so that its disk gives no usable one.

use crate::hash;
use crate::office::Office;
use crate::randomness;
use crate::records::{self, InviteRow};
use crate::refused::Outcome;
use crate::storage::{Commit, Revision, Store, Write};
use bytes::Bytes;
use subrosa_login::InviteSecret;
use subrosa_proto::{AccountId, ErrorCode, encode, limits};

/// A stored invite.
#[derive(Debug)]
pub(crate) struct Invite {
    pub(crate) row: InviteRow,
    revision: Revision,
    /// The author's list of open ones has it at this revision.
    listed: Revision,
}

impl Invite {
    /// The writes by which it makes an account.
    pub(crate) fn use_up(&self, code_hash: &[u8; 32], account: &AccountId) -> Vec<Write> {
        let row = InviteRow {
            used_by: Some(*account),
            note: None,
            ..self.row.clone()
        };
        let mut writes = vec![Write {
            key: records::invite(code_hash),
            expected: self.revision,
            value: Some(encode(&row)),
        }];
        if let Some(author) = &self.row.author {
            writes.push(Write {
                key: records::guest(author, account),
                expected: Revision::ABSENT,
                value: Some(Bytes::new()),
            });
            if self.listed != Revision::ABSENT {
                let key = records::open_invite(author, code_hash);
                writes.push(Write {
                    key,
                    expected: self.listed,
                    value: None,
                });
            }
        }
        writes
    }
}

impl<S: Store> Office<S> {
    /// The invite of a code, used or not.
    pub(crate) async fn invite(&self, code_hash: &[u8; 32]) -> Outcome<Option<Invite>> {
        let Some(record) = self.record(records::invite(code_hash)).await? else {
            return Ok(None);
        };
        let row: InviteRow = records::decode(&record.value)?;
        let listed = match &row.author {
            Some(author) => self.record(records::open_invite(author, code_hash)).await?,
            None => None,
        };
        let listed = listed.map_or(Revision::ABSENT, |record| record.revision);
        Ok(Some(Invite {
            row,
            revision: record.revision,
            listed,
        }))
    }

    /// Leaves an invite. The same again is done again.
    pub(crate) async fn invite_new(
        &self,
        author: &AccountId,
        code_hash: [u8; 32],
        expires_ms: u64,
        note: Bytes,
    ) -> Outcome<()> {
        if self.is_bot(author).await? {
            return Err(ErrorCode::NotPermitted.into());
        }
        let room = limits::NOTE_BYTES_MAX;
        let writes = self.invite_writes(author, code_hash, expires_ms, note, room);
        let Some(writes) = writes.await? else {
            return Ok(());
        };
        self.store
            .commit(Commit {
                idem: None,
                now_ms: self.now_ms(),
                guards: Vec::new(),
                writes,
            })
            .await?;
        Ok(())
    }

    /// The writes that leave an invite with a note of at most `room` bytes; none if it is there.
    pub(crate) async fn invite_writes(
        &self,
        author: &AccountId,
        code_hash: [u8; 32],
        expires_ms: u64,
        note: Bytes,
        room: usize,
    ) -> Outcome<Option<Vec<Write>>> {
        let now_ms = self.now_ms();
        if note.len() > room {
            return Err(ErrorCode::TooLarge.into());
        }
        let latest = now_ms + limits::INVITE_MS + limits::CLOCK_SKEW_MS;
        if expires_ms <= now_ms || expires_ms > latest {
            return Err(ErrorCode::Malformed.into());
        }
        if let Some(invite) = self.invite(&code_hash).await? {
            let own = invite.row.author == Some(*author);
            return if own {
                Ok(None)
            } else {
                Err(ErrorCode::Conflict.into())
            };
        }
        let mut writes = self.expired_invites(author, now_ms).await?;
        let new = |key, value| Write {
            key,
            expected: Revision::ABSENT,
            value: Some(value),
        };
        writes.push(new(
            records::open_invite(author, &code_hash),
            encode(&expires_ms),
        ));
        let row = InviteRow {
            author: Some(*author),
            expires_ms,
            note: Some(note),
            used_by: None,
        };
        writes.push(new(records::invite(&code_hash), encode(&row)));
        Ok(Some(writes))
    }

    /// Deletes the author's expired invites, or refuses if too many are open.
    async fn expired_invites(&self, author: &AccountId, now_ms: u64) -> Outcome<Vec<Write>> {
        let page = self
            .store
            .scan(records::open_invites(author), None, limits::INVITES_MAX)
            .await?;
        let mut writes = Vec::new();
        for (key, record) in &page {
            let expires_ms: u64 = records::decode(&record.value)?;
            if expires_ms > now_ms {
                continue;
            }
            writes.push(Write {
                key: key.clone(),
                expected: record.revision,
                value: None,
            });
            if let Some(code_hash) = records::last_id(key)
                && let Some(invite) = self.record(records::invite(&code_hash)).await?
            {
                let key = records::invite(&code_hash);
                writes.push(Write {
                    key,
                    expected: invite.revision,
                    value: None,
                });
            }
        }
        if page.len() - writes.len() / 2 >= limits::INVITES_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        Ok(writes)
    }

    /// An invite of the operator, for an account that nobody invites. The secret of its line.
    pub(crate) async fn operators_invite(&self) -> Outcome<[u8; 16]> {
        operators_invite(&self.store, self.now_ms()).await
    }
}

/// The same, without a running server.
pub(crate) async fn operators_invite<S: Store>(store: &S, now_ms: u64) -> Outcome<[u8; 16]> {
    let secret = InviteSecret::generate(&mut randomness::system());
    let code_hash = hash::sha256(&[secret.code().as_bytes()]);
    let expires_ms = now_ms + limits::INVITE_MS;
    let row = InviteRow {
        author: None,
        expires_ms,
        note: None,
        used_by: None,
    };
    let key = records::invite(&code_hash);
    let writes = vec![Write {
        key,
        expected: Revision::ABSENT,
        value: Some(encode(&row)),
    }];
    store
        .commit(Commit {
            idem: None,
            now_ms,
            guards: Vec::new(),
            writes,
        })
        .await?;
    Ok(*secret.as_bytes())
}
