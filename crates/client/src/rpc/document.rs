//! The document that says it all to programs, in the form of OpenRPC 1.3.

use super::method::catalogue;
use serde_json::{Map, Value, json};

/// Errors of JSON-RPC itself and of this program: code, kind, and what it means.
const ERRORS: [(i32, &str); 10] = [
    (-32_700, "The line is no JSON."),
    (
        -32_600,
        "The line is no request: one object a line, `jsonrpc` is \"2.0\", no batches.",
    ),
    (-32_601, "There is no such method."),
    (-32_602, "The parameters are not those of the method."),
    (-32_603, "A defect of Subrosa. Exit code 2."),
    (
        -32_001,
        "The caller can mend it, or nothing matches. Exit code 1.",
    ),
    (-32_003, "The server or the network. Exit code 3."),
    (-32_004, "A key is not trusted or has changed. Exit code 4."),
    (-32_005, "Too much at once. Exit code 5."),
    (-32_006, "Not permitted. Exit code 6."),
];

/// The published description of all methods. The same text is `docs/spec/openrpc.json`.
#[must_use]
pub fn document() -> Value {
    let catalogue = catalogue();
    let mut methods: Vec<Value> = own_methods();
    for method in &catalogue.methods {
        let mut described = json!({
            "name": method.name,
            "summary": method.about,
            "paramStructure": "by-name",
            "params": method.listed(),
            "result": { "name": method.result, "schema": catalogue.result(method) },
        });
        if method.name == "subscribe"
            && let Some(described) = described.as_object_mut()
        {
            let notices = "Notices follow as notifications of the method `notice`, each with the id of this request as `subscription`.";
            described.insert("description".to_owned(), json!(notices));
        }
        methods.push(described);
    }
    let errors: Map<String, Value> = ERRORS
        .iter()
        .map(|(code, message)| {
            (
                format!("E{}", -code),
                json!({ "code": code, "message": message }),
            )
        })
        .collect();
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "Subrosa, the socket of a home",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "JSON-RPC 2.0, one object a line; docs/spec/rpc.md is the normative text.",
            "license": { "name": "Apache-2.0" },
        },
        "methods": methods,
        "components": { "schemas": catalogue.schemas, "errors": errors },
    })
}

/// What a connection answers by itself.
fn own_methods() -> Vec<Value> {
    let text = json!({ "type": "string" });
    vec![
        json!({
            "name": "hello",
            "summary": "Builds are compared. Optional: an owner that is only an agent gives way to a newer build that says hello.",
            "paramStructure": "by-name",
            "params": [
                { "name": "build", "required": true, "schema": text },
                { "name": "face", "required": true, "schema": text },
            ],
            "result": { "name": "hello", "schema": {
                "type": "object",
                "required": ["hello"],
                "properties": { "hello": {
                    "type": "object",
                    "required": ["build", "face", "gives_way"],
                    "properties": { "build": text, "face": text, "gives_way": { "type": "boolean" } },
                } },
            } },
        }),
        json!({
            "name": "unsubscribe",
            "summary": "Ends a subscription of this connection.",
            "paramStructure": "by-name",
            "params": [{
                "name": "subscription",
                "required": true,
                "description": "The id of the request that made it.",
                "schema": { "type": ["string", "integer"] },
            }],
            "result": { "name": "done", "schema": {
                "type": "object",
                "required": ["done"],
                "properties": { "done": { "type": "object" } },
            } },
        }),
        json!({
            "name": "rpc.discover",
            "summary": "This document.",
            "params": [],
            "result": { "name": "document", "schema": { "type": "object" } },
        }),
    ]
}
