//! Sessions: which is the newest of a conversation, what was opened at which place, and which are over.

use super::desk::unsigned;
use super::{Desk, StoreError};
use rusqlite::OptionalExtension;
use subrosa_e2e::{RecordName, StoredSession};
use subrosa_proto::{ConvId, SessionId};
use zeroize::Zeroizing;

/// Names of the records of sessions.
const PREFIX: &str = "session/";

impl Desk<'_> {
    /// Names the session whose key event stands last in a conversation's log, of those that are held.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_newest_session(&self, no: i64, session: &SessionId) -> Result<(), StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("UPDATE conversation SET newest_session = ?2 WHERE no = ?1")?;
        statement.execute((no, session.as_bytes()))?;
        Ok(())
    }

    /// See [`Desk::set_newest_session`].
    ///
    /// # Errors
    /// The store fails.
    pub fn newest_session(&self, conv: &ConvId) -> Result<Option<SessionId>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT newest_session FROM conversation WHERE id = ?1")?;
        let session = statement
            .query_row([conv.as_bytes()], |row| row.get::<_, Option<[u8; 32]>>(0))
            .optional()?;
        Ok(session.flatten().map(SessionId))
    }

    /// Remembers the salt of the message at a place of a session; the first one stays.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_place(
        &self,
        session: &SessionId,
        place: u32,
        salt: &[u8; 16],
    ) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached(
            "INSERT OR IGNORE INTO place (session, place, salt) VALUES (?1, ?2, ?3)",
        )?;
        statement.execute((session.as_bytes(), place, salt))?;
        Ok(())
    }

    /// The salt of the message at a place of a session.
    ///
    /// # Errors
    /// The store fails.
    pub fn place(&self, session: &SessionId, place: u32) -> Result<Option<[u8; 16]>, StoreError> {
        let mut statement = self
            .sql
            .prepare_cached("SELECT salt FROM place WHERE session = ?1 AND place = ?2")?;
        Ok(statement
            .query_row((session.as_bytes(), place), |row| row.get(0))
            .optional()?)
    }

    /// Deletes the sessions of which `over` says so; it is told whether one is the newest held in its
    /// conversation. What was opened with them stays in the timeline. How many were deleted.
    ///
    /// # Errors
    /// The store fails or holds another shape.
    pub fn drop_sessions(
        &self,
        mut over: impl FnMut(&StoredSession, bool) -> bool,
    ) -> Result<usize, StoreError> {
        let mut gone = Vec::new();
        {
            let mut sessions = self.sql.prepare_cached(
                "SELECT r.value, c.no IS NOT NULL FROM record r
                 LEFT JOIN conversation c ON 'session/' || lower(hex(c.newest_session)) = r.name
                 WHERE r.name >= 'session/' AND r.name < 'session/p'",
            )?;
            let rows = sessions.query_map([], |row| {
                Ok((Zeroizing::new(row.get::<_, Vec<u8>>(0)?), row.get(1)?))
            })?;
            for row in rows {
                let (contents, newest): (_, bool) = row?;
                let session = StoredSession::from_record(contents)
                    .map_err(|_| StoreError::Shape("session"))?;
                if over(&session, newest) {
                    gone.push(session.session);
                }
            }
        }
        for session in &gone {
            let name = RecordName::Session(*session).to_string();
            debug_assert!(
                name.starts_with(PREFIX),
                "records of sessions are found by name"
            );
            self.sql
                .prepare_cached("DELETE FROM record WHERE name = ?1")?
                .execute([name])?;
            self.sql
                .prepare_cached("DELETE FROM place WHERE session = ?1")?
                .execute([session.as_bytes()])?;
        }
        Ok(gone.len())
    }

    /// How many sessions are held.
    ///
    /// # Errors
    /// The store fails.
    pub fn session_count(&self) -> Result<u64, StoreError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT count(*) FROM record WHERE name >= 'session/' AND name < 'session/p'",
        )?;
        Ok(statement.query_row([], |row| row.get(0).map(unsigned))?)
    }
}
