//! The list of methods, read off the commands' schema.

use super::SEVERAL;
use crate::bot::BotCommand;
use crate::command::{Answer, Command};
use crate::consumer::ConsumerCommand;
use crate::room::RoomCommand;
use crate::trust_view::About;
use crate::upkeep_view::UpkeepCommand;
use crate::view::Notice;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

/// Part of which command a method is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Command,
    Several,
    About,
}

/// A method that programs may call.
#[derive(Debug, Clone)]
pub struct Method {
    /// Its name on the wire.
    pub name: String,
    /// What it does, as its command says.
    pub about: String,
    /// The one member of its result's object.
    pub result: String,
    /// Schema of its parameters, an object.
    pub(super) params: Value,
    pub(super) of: Of,
}

/// All methods, and the schemas that theirs refer to.
pub(super) struct Catalogue {
    pub methods: Vec<Method>,
    pub schemas: Map<String, Value>,
}

/// The methods that a home's owner carries out, in the order of the commands.
#[must_use]
pub fn methods() -> &'static [Method] {
    &catalogue().methods
}

pub(super) fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(made)
}

fn made() -> Catalogue {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    let mut generator = settings.into_generator();
    let commands = variants::<Command>(&mut generator);
    let mut methods = Vec::new();
    for variant in commands {
        match tag(&variant, "method").as_str() {
            "about" => {
                let variants = variants::<About>(&mut generator);
                methods.extend(variants.into_iter().filter_map(about));
            }
            name if SEVERAL.contains(&name) => {
                let variants = match name {
                    "room" => variants::<RoomCommand>(&mut generator),
                    "bot" => variants::<BotCommand>(&mut generator),
                    "consumer" => variants::<ConsumerCommand>(&mut generator),
                    _ => variants::<UpkeepCommand>(&mut generator),
                };
                methods.extend(variants.into_iter().map(|act| one_of(name, act)));
            }
            name => methods.push(Method {
                name: name.to_owned(),
                params: variant
                    .pointer("/properties/params")
                    .cloned()
                    .unwrap_or_default(),
                of: Of::Command,
                ..described(&variant)
            }),
        }
    }
    generator.subschema_for::<Answer>();
    generator.subschema_for::<Notice>();
    let mut schemas = generator.take_definitions(true);
    // The requests have become methods.
    for whole in [
        "Command",
        "RoomCommand",
        "BotCommand",
        "ConsumerCommand",
        "UpkeepCommand",
        "About",
    ] {
        schemas.remove(whole);
    }
    Catalogue { methods, schemas }
}

/// The schemas of an enum's variants.
fn variants<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Vec<Value> {
    let schema = T::json_schema(generator).to_value();
    match schema.get("oneOf") {
        Some(Value::Array(variants)) => variants.clone(),
        _ => Vec::new(),
    }
}

fn tag(variant: &Value, name: &str) -> String {
    let tag = variant.pointer(&format!("/properties/{name}/const"));
    tag.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// What a variant's own comment says of it: the last words, "Answered by `Sent`", name the result.
fn described(variant: &Value) -> Method {
    let comment = variant.get("description").and_then(Value::as_str);
    let comment = comment.unwrap_or_default().replace('\n', " ");
    let answer = comment.split_once("Answered by `").map(|(_, rest)| rest);
    let answer = answer.and_then(|rest| rest.split_once('`'));
    Method {
        name: String::new(),
        result: answer.map(|(name, _)| snake(name)).unwrap_or_default(),
        about: comment,
        params: Value::Null,
        of: Of::Command,
    }
}

fn one_of(command: &str, mut variant: Value) -> Method {
    let name = format!("{command}.{}", tag(&variant, "act"));
    let method = described(&variant);
    if let Some(params) = variant.as_object_mut() {
        params.remove("description");
    }
    if let Some(properties) = variant
        .pointer_mut("/properties")
        .and_then(Value::as_object_mut)
    {
        properties.remove("act");
    }
    if let Some(required) = variant
        .pointer_mut("/required")
        .and_then(Value::as_array_mut)
    {
        required.retain(|name| name != "act");
    }
    Method {
        name,
        params: variant,
        of: Of::Several,
        ..method
    }
}

fn about(variant: Value) -> Option<Method> {
    let (name, params) = variant.get("properties")?.as_object()?.iter().next()?;
    Some(Method {
        name: name.clone(),
        params: params.clone(),
        of: Of::About,
        ..described(&variant)
    })
}

/// From `MarkRead` to `mark_read`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

impl Catalogue {
    /// The schema of a method's result: an object with one member.
    pub(super) fn result(&self, method: &Method) -> Option<Value> {
        let variants = self.schemas.get("Answer")?.get("oneOf")?.as_array()?;
        let is_it = |variant: &&Value| {
            let properties = variant.get("properties").and_then(Value::as_object);
            properties.is_some_and(|properties| properties.contains_key(&method.result))
        };
        variants.iter().find(is_it).cloned()
    }
}

impl Method {
    /// Its parameters as OpenRPC lists them.
    pub(super) fn listed(&self) -> Vec<Value> {
        let required = self.params.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
        let properties = self.params.get("properties").and_then(Value::as_object);
        let listed = properties.into_iter().flatten().map(|(name, schema)| {
            json!({ "name": name, "required": is_required(name), "schema": schema })
        });
        listed.collect()
    }
}
