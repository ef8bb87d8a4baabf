//! Consumers: what is done for each message, until it is said to be done.

use super::unknown;
use crate::command::{Answer, Failure};
use crate::consumer::{ConsumerCommand, ConsumerView};
use crate::engine::turn::{CallId, Turn};
use crate::engine::{Engine, EngineError};
use crate::store::Consumer;
use crate::view::{Row, RowKind};

/// Rows that one answer carries at most.
const ROWS_MAX: u32 = 500;
/// Longest name.
const NAME_BYTES_MAX: usize = 64;
/// Consumers of one home.
const CONSUMERS_MAX: usize = 256;

impl Engine {
    pub(super) fn consumer_command(
        &self,
        turn: &mut Turn<'_>,
        call: CallId,
        command: ConsumerCommand,
    ) -> Result<(), EngineError> {
        let answer = match command {
            ConsumerCommand::Open {
                name,
                conversation,
                own,
            } => self.open_consumer(turn, &name, conversation.as_deref(), own)?,
            ConsumerCommand::List {} => {
                let mut views = Vec::new();
                for consumer in turn.desk.consumers()? {
                    views.push(self.consumer_view(turn, &consumer)?);
                }
                Ok(Answer::Consumers(views))
            }
            ConsumerCommand::Pending { name, since, limit } => match named(turn, &name)? {
                Ok(consumer) => {
                    let limit = limit.min(ROWS_MAX);
                    Ok(Answer::Rows(self.pending(turn, &consumer, since, limit)?))
                }
                Err(failure) => Err(failure),
            },
            ConsumerCommand::Done { name, cursor } => match named(turn, &name)? {
                Ok(consumer) => {
                    turn.desk.drop_errand(consumer.no, cursor)?;
                    Ok(Answer::Done {})
                }
                Err(failure) => Err(failure),
            },
            ConsumerCommand::Forget { name } => match named(turn, &name)? {
                Ok(consumer) => {
                    turn.desk.drop_consumer(consumer.no)?;
                    Ok(Answer::Done {})
                }
                Err(failure) => Err(failure),
            },
        };
        turn.answer(call, answer);
        Ok(())
    }

    fn open_consumer(
        &self,
        turn: &Turn<'_>,
        name: &str,
        conversation: Option<&str>,
        own: bool,
    ) -> Result<Result<Answer, Failure>, EngineError> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            let sentence = "the name of a consumer has 1 to 64 bytes and no control characters";
            return Ok(Err(Failure::user(sentence)));
        }
        let no = match conversation.map(|named| self.conversation_no(named).ok_or(named)) {
            None => None,
            Some(Ok(no)) => Some(no),
            Some(Err(named)) => return Ok(Err(unknown(named))),
        };
        match turn.desk.consumer(name)? {
            Some(there) if (there.conversation, there.own) == (no, own) => {}
            Some(there) => turn.desk.change_consumer(there.no, no, own)?,
            None if turn.desk.consumers()?.len() >= CONSUMERS_MAX => {
                let sentence = "this home has 256 consumers already: `subrosa on --list` shows them, and --forget NAME ends one";
                return Ok(Err(Failure::user(sentence)));
            }
            None => turn.desk.add_consumer(name, no, own)?,
        }
        match named(turn, name)? {
            Ok(consumer) => Ok(Ok(Answer::Consumer(self.consumer_view(turn, &consumer)?))),
            Err(failure) => Ok(Err(failure)),
        }
    }

    fn consumer_view(
        &self,
        turn: &Turn<'_>,
        consumer: &Consumer,
    ) -> Result<ConsumerView, EngineError> {
        let conversation = consumer.conversation.and_then(|no| self.talks.get(&no));
        Ok(ConsumerView {
            name: consumer.name.clone(),
            conversation: conversation.map(|talk| talk.name.clone()),
            own: consumer.own,
            pending: turn.desk.errand_count(consumer.no)?,
        })
    }

    /// What can be read of what is still to be done. What was taken back, has disappeared or comes from somebody who
    /// is blocked is no errand any more.
    fn pending(
        &self,
        turn: &Turn<'_>,
        consumer: &Consumer,
        mut since: u64,
        limit: u32,
    ) -> Result<Vec<Row>, EngineError> {
        let mut rows = Vec::new();
        loop {
            let cursors = turn.desk.errands(consumer.no, since, limit)?;
            let Some(last) = cursors.last() else { break };
            since = *last;
            for cursor in cursors {
                let line = turn.desk.line(cursor)?;
                let row = line.map(|line| self.row(turn.desk, &line)).transpose()?;
                match row.flatten() {
                    Some(row) if matches!(row.what, RowKind::Text { .. }) => rows.push(row),
                    // A newer build will read it.
                    Some(row) if matches!(row.what, RowKind::Newer { .. }) => {}
                    _ => turn.desk.drop_errand(consumer.no, cursor)?,
                }
            }
            if !rows.is_empty() {
                break;
            }
        }
        Ok(rows)
    }
}

fn named(turn: &Turn<'_>, name: &str) -> Result<Result<Consumer, Failure>, EngineError> {
    let consumer = turn.desk.consumer(name)?;
    Ok(consumer.ok_or_else(|| {
        Failure::user(format!(
            "there is no consumer {name} here: `subrosa on --list` shows those there are"
        ))
    }))
}
