use super::*;
use crate::command::Wait;
use crate::room::{RoomCommand, RoomRole};
use crate::trust_view::{About, Comparison};

#[test]
fn each_command_is_understood_as_it_was_spoken() {
    let room = RoomCommand::Add {
        room: "#ops".into(),
        people: vec!["bob".into()],
        role: RoomRole::Member,
    };
    let ask = About::Verify {
        contact: "bob".into(),
        comparison: Comparison::Number("12".into()),
    };
    for (command, method) in [
        (Command::Status {}, "status"),
        (Command::Room(room), "room.add"),
        (Command::Room(RoomCommand::List {}), "room.list"),
        (Command::About { ask }, "verify"),
        (
            Command::About {
                ask: About::Settings {},
            },
            "settings",
        ),
        (
            Command::MarkRead {
                conversation: "bob".into(),
                cursor: 7,
            },
            "mark_read",
        ),
    ] {
        let (name, params) = spoken(&command);
        assert_eq!(name, method);
        assert_eq!(understood(&name, Some(params)), Ok(command));
    }
}

#[test]
fn what_may_be_left_out_has_the_value_of_the_command_line() {
    let sent = understood("send", Some(json!({ "conversation": "bob", "text": "hi" })));
    let Ok(Command::Send {
        wait: Wait::Sent,
        queue: true,
        ..
    }) = sent
    else {
        panic!("{sent:?}")
    };
    assert_eq!(understood("status", None), Ok(Command::Status {}));
    assert!(matches!(
        understood("read", None),
        Ok(Command::Read {
            limit: 50,
            fresh: false,
            ..
        })
    ));
    let room = understood("room.create", Some(json!({ "name": "ops" })));
    assert!(matches!(
        room,
        Ok(Command::Room(RoomCommand::Create { archive: true, .. }))
    ));
}

#[test]
fn what_is_no_command_is_refused_by_its_cause() {
    assert_eq!(understood("frobnicate", None), Err(NotACommand::Method));
    assert_eq!(
        understood("room", Some(json!({ "act": "list" }))),
        Err(NotACommand::Method)
    );
    assert_eq!(understood("about", None), Err(NotACommand::Method));
    for (method, params) in [
        ("send", json!({ "conversation": "bob" })),
        (
            "send",
            json!({ "conversation": "bob", "text": "hi", "colour": "red" }),
        ),
        ("send", json!(["bob", "hi"])),
        ("send", json!({ "conversation": "bob", "text": 7 })),
        ("room.show", json!({ "room": "#ops", "act": "close" })),
        (
            "room.add",
            json!({ "room": "#ops", "people": [], "role": "king" }),
        ),
        (
            "mute",
            json!({ "conversation": "bob", "muted": true, "loud": 1 }),
        ),
        ("status", json!({ "verbose": true })),
    ] {
        let refused = understood(method, Some(params.clone()));
        // The name of an act stands in the method, whatever the parameters say.
        if method == "room.show" {
            assert!(!matches!(
                refused,
                Ok(Command::Room(RoomCommand::Close { .. }))
            ));
        } else {
            assert!(
                matches!(refused, Err(NotACommand::Params(_))),
                "{method} {params} {refused:?}"
            );
        }
    }
}

#[test]
fn each_method_says_what_it_does_and_what_it_is_answered_by() {
    assert!(methods().len() > 35, "{}", methods().len());
    for method in methods() {
        assert!(method.about.len() > 10, "{method:?}");
        assert!(method::catalogue().result(method).is_some(), "{method:?}");
        assert_eq!(method.params["type"], "object", "{method:?}");
    }
    let names: std::collections::BTreeSet<_> =
        methods().iter().map(|method| &method.name).collect();
    assert_eq!(names.len(), methods().len(), "each name once");
}

#[test]
fn the_published_document_is_what_the_code_says() {
    let published = include_str!("../../../../docs/spec/openrpc.json");
    let made = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    assert!(
        published == made,
        "docs/spec/openrpc.json is out of date: `subrosa agent --schema > docs/spec/openrpc.json` renews it"
    );
}

#[test]
fn all_that_the_document_refers_to_is_in_it() {
    let document = document();
    let text = document.to_string();
    let mut references = 0;
    for part in text.split("\"$ref\":\"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
        references += 1;
    }
    assert!(references > 10, "{references}");
}
