//! What programs may ask over a home's socket: each method with its parameters and its result, all of it made from the
//! types in `command` and `view`, so that the document cannot say anything else than the code (docs/spec/rpc.md §4).
//!
//! On the wire the commands about rooms, bots, consumers and the home itself are methods `room.create`, `room.list` and so on, and those about
//! keys and settings have their own names; inside they are parts of [`Command::Room`] and [`Command::About`].

mod document;
mod method;

pub use document::document;
pub use method::{Method, methods};

use crate::command::Command;
use serde_json::{Map, Value, json};

/// Commands that are several methods, with the command's name before the point.
const SEVERAL: [&str; 4] = ["room", "bot", "consumer", "upkeep"];

/// Why a request is not a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotACommand {
    /// There is no such method.
    Method,
    /// Its parameters are others.
    Params(String),
}

/// A command as method and parameters.
pub(crate) fn spoken(command: &Command) -> (String, Value) {
    let mut whole = serde_json::to_value(command).unwrap_or_default();
    let method = text(whole.get_mut("method").map(Value::take));
    let mut params = whole.get_mut("params").map(Value::take).unwrap_or_default();
    match command {
        Command::Room(_) | Command::Bot(_) | Command::Consumer(_) | Command::Upkeep(_) => {
            let act = params
                .as_object_mut()
                .and_then(|params| params.remove("act"));
            (format!("{method}.{}", text(act)), params)
        }
        Command::About { .. } => match params.get_mut("ask").map(Value::take) {
            Some(Value::Object(ask)) => ask.into_iter().next().unwrap_or_default(),
            _ => (method, params),
        },
        _ => (method, params),
    }
}

/// The command that method and parameters stand for.
pub(crate) fn understood(method: &str, params: Option<Value>) -> Result<Command, NotACommand> {
    let known = methods().iter().find(|known| known.name == method);
    let known = known.ok_or(NotACommand::Method)?;
    let mut params = match params {
        None => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => {
            let sentence = "parameters are given by name, as an object".to_owned();
            return Err(NotACommand::Params(sentence));
        }
    };
    let whole = match (known.of, method.split_once('.')) {
        (method::Of::Several, Some((command, act))) => {
            params.insert("act".to_owned(), act.into());
            json!({ "method": command, "params": params })
        }
        (method::Of::About, _) => {
            json!({ "method": "about", "params": { "ask": { method: params } } })
        }
        _ => json!({ "method": method, "params": params }),
    };
    serde_json::from_value(whole).map_err(|error| NotACommand::Params(error.to_string()))
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
