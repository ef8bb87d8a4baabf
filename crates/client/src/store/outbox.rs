//! What waits to be sent, and what its callers were answered.

use super::desk::{signed, unsigned};
use super::{Desk, StoreError};
use bytes::Bytes;
use rusqlite::{OptionalExtension, Row, params};
use subrosa_proto::{ContentId, Wire, decode, encode};

/// A content for the outbox.
pub struct Draft<'a> {
    /// The command that sends it; the same command adds it once.
    pub caller: &'a str,
    /// Number of the conversation.
    pub conversation: i64,
    /// The content's name.
    pub content: ContentId,
    /// The content's encoding.
    pub body: &'a [u8],
    /// Its line in the timeline, where it has one.
    pub cursor: Option<u64>,
    /// The timer step that was asked for it alone.
    pub timer: Option<u8>,
}

/// A content in the outbox.
pub struct Waiting {
    /// Place in the outbox.
    pub seq: i64,
    /// The command that sends it.
    pub caller: String,
    /// Number of the conversation.
    pub conversation: i64,
    /// The content's name.
    pub content: ContentId,
    /// The content's encoding; empty once done.
    pub body: Bytes,
    /// Its line in the timeline.
    pub cursor: Option<u64>,
    /// The bytes that were made of it, if they were: the same go out until the outcome is known.
    pub sealed: Option<Sealed>,
    /// Whether it is on the server's disk.
    pub done: bool,
    /// The line that it is about, where it has none of its own.
    pub amends: Option<u64>,
    /// The position that it deletes in another's name: an admin's removal.
    pub deletes: Option<u64>,
    /// The timer step that was asked for it alone.
    pub timer: Option<u8>,
}

/// An append as it leaves: its counter, the events and the boxes staged before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Counter of the idem.
    pub counter: u64,
    /// Encoded events.
    pub events: Vec<Bytes>,
    /// Encoded boxes of the key event, if there is one.
    pub boxes: Vec<Bytes>,
    /// When it was first sent.
    pub attempt_ms: u64,
}

const COLUMNS: &str = "seq, caller, conversation, content, body, cursor, counter, events, boxes, attempt_ms, done_ms, amends, deletes, timer";

fn waiting(row: &Row<'_>) -> rusqlite::Result<(Waiting, [Option<Vec<u8>>; 2])> {
    let sealed = row.get::<_, Option<i64>>(6)?.map(|counter| {
        row.get::<_, Option<i64>>(9).map(|attempt_ms| Sealed {
            counter: unsigned(counter),
            events: Vec::new(),
            boxes: Vec::new(),
            attempt_ms: attempt_ms.map_or(0, unsigned),
        })
    });
    let waiting = Waiting {
        seq: row.get(0)?,
        caller: row.get(1)?,
        conversation: row.get(2)?,
        content: ContentId(row.get(3)?),
        body: row.get::<_, Option<Vec<u8>>>(4)?.unwrap_or_default().into(),
        cursor: row.get::<_, Option<i64>>(5)?.map(unsigned),
        sealed: sealed.transpose()?,
        done: row.get::<_, Option<i64>>(10)?.is_some(),
        amends: row.get::<_, Option<i64>>(11)?.map(unsigned),
        deletes: row.get::<_, Option<i64>>(12)?.map(unsigned),
        timer: row.get(13)?,
    };
    Ok((waiting, [row.get(7)?, row.get(8)?]))
}

fn list(bytes: Option<Vec<u8>>) -> Result<Vec<Bytes>, StoreError> {
    bytes.map_or(Ok(Vec::new()), |bytes| read(&bytes.into()))
}

fn read<T: Wire>(bytes: &Bytes) -> Result<T, StoreError> {
    decode(bytes).map_err(|_| StoreError::Shape("outbox"))
}

fn complete(
    (mut waiting, [events, boxes]): (Waiting, [Option<Vec<u8>>; 2]),
) -> Result<Waiting, StoreError> {
    if let Some(sealed) = &mut waiting.sealed {
        sealed.events = list(events)?;
        sealed.boxes = list(boxes)?;
    }
    Ok(waiting)
}

impl Desk<'_> {
    /// Adds a content. The caller has made sure that it is not there (see [`Desk::draft_of`]).
    ///
    /// # Errors
    /// The store fails.
    pub fn add_draft(&self, draft: &Draft<'_>) -> Result<i64, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("INSERT INTO outbox (caller, conversation, content, body, cursor, timer) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        Ok(statement.insert(params![
            draft.caller,
            draft.conversation,
            draft.content.as_bytes(),
            draft.body,
            draft.cursor.map(signed),
            draft.timer
        ])?)
    }

    /// Says of a content in the outbox which line it is about, and which position it deletes.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_draft_about(
        &self,
        seq: i64,
        amends: u64,
        deletes: Option<u64>,
    ) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE outbox SET amends = ?2, deletes = ?3 WHERE seq = ?1")?;
        statement.execute((seq, signed(amends), deletes.map(signed)))?;
        Ok(())
    }

    /// What waits about a line, oldest first.
    ///
    /// # Errors
    /// The store fails.
    pub fn drafts_about(&self, cursor: u64) -> Result<Vec<i64>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT seq FROM outbox WHERE amends = ?1 AND done_ms IS NULL ORDER BY seq",
        )?;
        let rows = statement.query_map([signed(cursor)], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What a command put into the outbox before.
    ///
    /// # Errors
    /// The store fails.
    pub fn draft_of(&self, caller: &str) -> Result<Option<Waiting>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE caller = ?1"))?;
        statement
            .query_row([caller], waiting)
            .optional()?
            .map(complete)
            .transpose()
    }

    /// The oldest content of a conversation that is not on the server's disk.
    ///
    /// # Errors
    /// The store fails.
    pub fn first_waiting(&self, conversation: i64) -> Result<Option<Waiting>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox WHERE conversation = ?1 AND done_ms IS NULL ORDER BY seq LIMIT 1"
        ))?;
        statement
            .query_row([conversation], waiting)
            .optional()?
            .map(complete)
            .transpose()
    }

    /// What waits in the outbox.
    ///
    /// # Errors
    /// The store fails.
    pub fn waiting(&self, seq: i64) -> Result<Option<Waiting>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE seq = ?1"))?;
        statement
            .query_row([seq], waiting)
            .optional()?
            .map(complete)
            .transpose()
    }

    /// The place of a content that is not done.
    ///
    /// # Errors
    /// The store fails.
    pub fn open_draft(
        &self,
        conversation: i64,
        content: &ContentId,
    ) -> Result<Option<i64>, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT seq FROM outbox WHERE conversation = ?1 AND content = ?2 AND done_ms IS NULL",
        )?;
        Ok(statement
            .query_row((conversation, content.as_bytes()), |row| row.get(0))
            .optional()?)
    }

    /// Conversations with something in the outbox.
    ///
    /// # Errors
    /// The store fails.
    pub fn conversations_waiting(&self) -> Result<Vec<i64>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT DISTINCT conversation FROM outbox WHERE done_ms IS NULL")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How much waits that people wrote.
    ///
    /// # Errors
    /// The store fails.
    pub fn waiting_count(&self) -> Result<u64, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT count(*) FROM outbox WHERE done_ms IS NULL AND coalesce(cursor, amends) IS NOT NULL",
        )?;
        Ok(statement.query_row([], |row| row.get(0).map(unsigned))?)
    }

    /// Keeps the bytes that were made of a content, before they leave.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_sealed(&self, seq: i64, sealed: &Sealed) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE outbox SET counter = ?2, events = ?3, boxes = ?4, attempt_ms = ?5 WHERE seq = ?1")?;
        let (events, boxes) = (encode(&sealed.events), encode(&sealed.boxes));
        statement.execute((
            seq,
            signed(sealed.counter),
            &events[..],
            &boxes[..],
            signed(sealed.attempt_ms),
        ))?;
        Ok(())
    }

    /// Forgets the bytes: the server said that it did not store them.
    ///
    /// # Errors
    /// The store fails.
    pub fn unseal(&self, seq: i64) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE outbox SET counter = NULL, events = NULL, boxes = NULL, attempt_ms = NULL WHERE seq = ?1")?;
        statement.execute([seq])?;
        Ok(())
    }

    /// It is on the server's disk: only the caller's answer is kept.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_done(&self, seq: i64, now_ms: u64) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "UPDATE outbox SET done_ms = ?2, body = NULL, events = NULL, boxes = NULL WHERE seq = ?1 AND done_ms IS NULL",
        )?;
        statement.execute((seq, signed(now_ms)))?;
        Ok(())
    }

    /// Takes a content out of the outbox, with its line: it was not to be queued.
    ///
    /// # Errors
    /// The store fails.
    pub fn drop_draft(&self, seq: i64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached(
                "DELETE FROM timeline WHERE cursor = (SELECT cursor FROM outbox WHERE seq = ?1)",
            )?
            .execute([seq])?;
        self.sql
            .prepare_cached("DELETE FROM outbox WHERE seq = ?1")?
            .execute([seq])?;
        Ok(())
    }

    /// Forgets callers that were answered before a time.
    ///
    /// # Errors
    /// The store fails.
    pub fn forget_done(&self, before_ms: u64) -> Result<(), StoreError> {
        self.sql
            .prepare_cached("DELETE FROM outbox WHERE done_ms < ?1")?
            .execute([signed(before_ms)])?;
        Ok(())
    }
}
