//! One run of the command for one message.

use super::work::Business;
use crate::text::harmless;
use jiff::Timestamp;
use std::process::{ExitStatus, Stdio};
use subrosa_client::{Row, RowKind};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// How a run ended.
pub struct Outcome {
    /// Of which message.
    pub cursor: u64,
    /// Which attempt it was.
    pub attempt: u32,
    /// What went wrong, in words; nothing with exit 0.
    pub failed: Option<String>,
}

/// Starts the command.
pub fn start(business: &Business, row: &Row, attempt: u32) -> std::io::Result<Child> {
    let (program, arguments) = business.program();
    Command::new(program)
        .args(arguments)
        .envs(variables(business, row, attempt))
        .stdin(Stdio::piped())
        .spawn()
}

/// Gives it the text and waits for its end.
pub async fn finish(mut child: Child, row: Row, attempt: u32) -> Outcome {
    let stdin = child.stdin.take();
    let cursor = row.cursor;
    let text = match row.what {
        RowKind::Text { text } => text,
        _ => String::new(),
    };
    let write = async move {
        if let Some(mut stdin) = stdin {
            // A command need not read all of it.
            drop(stdin.write_all(text.as_bytes()).await);
        }
    };
    let ((), ended) = tokio::join!(write, child.wait());
    let failed = match ended {
        Ok(status) => told(status),
        Err(error) => Some(format!("its end was not seen ({error})")),
    };
    Outcome {
        cursor,
        attempt,
        failed,
    }
}

fn told(status: ExitStatus) -> Option<String> {
    use std::os::unix::process::ExitStatusExt;
    if status.success() {
        return None;
    }
    Some(match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    })
}

fn variables(business: &Business, row: &Row, attempt: u32) -> [(&'static str, String); 12] {
    let time = i64::try_from(row.time_ms).ok();
    let time = time.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let reply_to = row.beside.reply_to.as_ref().map(|reply| reply.id.clone());
    // Names come from others: no byte of theirs may end a variable or begin a line.
    [
        ("SUBROSA_FROM", harmless(&row.from).into_owned()),
        (
            "SUBROSA_CONVERSATION",
            harmless(&row.conversation).into_owned(),
        ),
        ("SUBROSA_CONVERSATION_ID", row.conv.clone()),
        ("SUBROSA_ID", row.id.clone()),
        ("SUBROSA_CURSOR", row.cursor.to_string()),
        (
            "SUBROSA_TIME",
            time.map(|time| time.to_string()).unwrap_or_default(),
        ),
        ("SUBROSA_TIME_MS", row.time_ms.to_string()),
        ("SUBROSA_REPLY_TO", reply_to.unwrap_or_default()),
        ("SUBROSA_OWN", u8::from(row.own).to_string()),
        ("SUBROSA_ATTEMPT", attempt.to_string()),
        ("SUBROSA_HOME", business.home.display().to_string()),
        ("SUBROSA_CONSUMER", harmless(&business.name).into_owned()),
    ]
}
