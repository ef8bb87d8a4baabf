//! Contents of kinds that the build which stored them did not know, read again by one that does
//! (docs/spec/e2e.md §2.2).

use super::inbox::Spot;
use super::rows::LINE_CONTENT;
use super::turn::Turn;
use super::{Engine, EngineError, fact};
use crate::store::Line;
use subrosa_e2e::{Body, CONTENT_VERSION, Content};
use subrosa_proto::DeviceId;

impl Engine {
    /// Once after an upgrade: what was kept as it came gets its meaning.
    pub(super) fn read_again(&mut self, turn: &mut Turn<'_>) -> Result<(), EngineError> {
        if !std::mem::take(&mut self.outdated) {
            return Ok(());
        }
        for line in turn.desk.unknown_lines()? {
            if let Ok(content) = Content::decode(&line.body)
                && !matches!(content.body, Body::Unknown { .. })
            {
                self.renew(turn, &line, &content)?;
            }
        }
        turn.desk
            .set_fact(fact::CONTENT_VERSION, &CONTENT_VERSION)?;
        Ok(())
    }

    fn renew(
        &mut self,
        turn: &mut Turn<'_>,
        line: &Line,
        content: &Content,
    ) -> Result<(), EngineError> {
        let Some(position) = line.position else {
            return Ok(());
        };
        let Some(mut talk) = self.talks.remove(&line.conversation) else {
            return Ok(());
        };
        let spot = Spot {
            position,
            arrived_ms: line.arrived_ms.unwrap_or(line.author_ms),
            author: line.account,
            // What was signed was judged when it came.
            device: DeviceId([0; 32]),
            expires_ms: line.expires_ms,
        };
        let renewed = if content.is_shown() {
            // It stays where it stands, and reads otherwise.
            turn.desk
                .set_line_kind(line.cursor, LINE_CONTENT)
                .map_err(EngineError::from)
                .and_then(|()| self.tell_changed(turn, &talk, line.cursor))
        } else {
            turn.desk
                .remove_line(line.cursor)
                .map_err(EngineError::from)
                .and_then(|()| self.interpret(turn, &mut talk, &spot, content))
        };
        self.talks.insert(line.conversation, talk);
        renewed
    }
}
