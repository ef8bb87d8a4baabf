use super::{
    Body, ContactTrust, Content, ContentError, ContentRef, Delete, Edit, File, InviteIssued,
    REACTION_BYTES_MAX, Reaction, ReadMark, Reply, Setting, Text,
};
use bytes::Bytes;
use proptest::prelude::*;
use subrosa_proto::{AccountId, CodecError, ContentId, ConvId, HashHead, StatementHash, limits};

const REF: ContentRef = ContentRef {
    account: AccountId([1; 32]),
    id: ContentId([2; 16]),
};

fn content(body: impl Into<Body>) -> Content {
    Content {
        id: ContentId([9; 16]),
        author_ms: 1_795_651_200_000,
        body: body.into(),
    }
}

fn text() -> String {
    "Grüße 👋".to_owned()
}

fn file() -> File {
    File {
        key: [3; 32],
        list: [4; 32],
        size: 5,
        name: "a.txt".to_owned(),
        media_type: "text/plain".to_owned(),
    }
}

#[test]
fn every_kind_is_read_as_it_was_written() {
    let of = REF.id;
    let all: [Body; 12] = [
        Text { text: text() }.into(),
        Reply {
            to: REF,
            text: text(),
        }
        .into(),
        Edit { of, text: text() }.into(),
        Delete { of }.into(),
        Reaction {
            to: REF,
            emoji: "👋".to_owned(),
        }
        .into(),
        file().into(),
        crate::RoomTitle {
            name: "ops".to_owned(),
            topic: "what runs where".to_owned(),
        }
        .into(),
        InviteIssued {
            secret: [6; 16],
            created_ms: 7,
            room: Some(subrosa_proto::ConvId([8; 32])),
        }
        .into(),
        ReadMark {
            conv: ConvId([7; 32]),
            position: 8,
        }
        .into(),
        ContactTrust {
            account: AccountId([1; 32]),
            verified: true,
            at_ms: 9,
            head: HashHead {
                seq: 3,
                hash: StatementHash([4; 32]),
            },
        }
        .into(),
        Setting {
            key: "mute/7".to_owned(),
            value: Bytes::from_static(b"1"),
        }
        .into(),
        Body::Unknown {
            kind: 1 << 40,
            fields: Bytes::from_static(&[0xff, 0x00]),
        },
    ];
    for body in all {
        let content = content(body);
        assert_eq!(
            Content::decode(&content.encode().unwrap()).unwrap(),
            content
        );
    }
}

#[test]
fn the_encoding_of_a_text() {
    let content = content(Text {
        text: "hello".to_owned(),
    });
    let expected = [
        &[0x84, 0x50][..],
        &[9; 16],
        &[0x1b],
        &1_795_651_200_000_u64.to_be_bytes(),
        &[0x01, 0x47, 0x81, 0x65],
        b"hello",
    ]
    .concat();
    assert_eq!(content.encode().unwrap(), expected);
}

#[test]
fn lengths_are_held_on_both_sides() {
    let longest = "x".repeat(limits::TEXT_BYTES_MAX);
    assert!(
        content(Text {
            text: longest.clone()
        })
        .encode()
        .is_ok()
    );
    let over = content(Text {
        text: longest.clone() + "x",
    });
    let emoji = "x".repeat(REACTION_BYTES_MAX + 1);
    let long_name = File {
        name: "n".repeat(256),
        ..file()
    };
    let long_type = File {
        media_type: "n".repeat(256),
        ..file()
    };
    let of = REF.id;
    for over in [
        over,
        content(Edit {
            of,
            text: longest.clone() + "x",
        }),
        content(Reply {
            to: REF,
            text: longest + "x",
        }),
        content(Reaction { to: REF, emoji }),
        content(long_name),
        content(long_type),
    ] {
        assert!(matches!(over.encode(), Err(ContentError::TooLong { .. })));
        let bytes = subrosa_proto::encode(&over);
        assert!(matches!(
            Content::decode(&bytes),
            Err(ContentError::TooLong { .. })
        ));
    }
}

#[test]
fn a_known_kind_with_other_fields_is_malformed() {
    let fields = subrosa_proto::encode(&Delete { of: REF.id });
    let odd = subrosa_proto::encode(&content(Body::Unknown { kind: 1, fields }));
    let refused = Content::decode(&odd).unwrap_err();
    assert!(
        matches!(refused, ContentError::Codec(CodecError::Shape(_))),
        "{refused}"
    );
}

// Proves: C15
#[test]
fn only_what_names_an_account_can_be_about_another_accounts_content() {
    let (author, of) = (AccountId([7; 32]), REF.id);
    let own = ContentRef {
        account: author,
        id: of,
    };
    assert_eq!(content(Edit { of, text: text() }).target(author), Some(own));
    assert_eq!(content(Delete { of }).target(author), Some(own));
    assert_eq!(
        content(Reply {
            to: REF,
            text: text()
        })
        .target(author),
        Some(REF)
    );
    let reaction = content(Reaction {
        to: REF,
        emoji: String::new(),
    });
    assert_eq!(reaction.target(author), Some(REF));
    assert!(reaction.amends());
    assert_eq!(content(Text { text: text() }).target(author), None);
}

#[test]
fn what_is_about_another_content_does_not_stand_by_itself() {
    let of = REF.id;
    let emoji = "👋".to_owned();
    let by_itself: [Body; 3] = [
        Text { text: text() }.into(),
        Reply {
            to: REF,
            text: text(),
        }
        .into(),
        file().into(),
    ];
    for body in by_itself {
        let content = content(body);
        assert!(!content.amends() && content.is_shown(), "{content:?}");
    }
    let about: [Body; 3] = [
        Edit { of, text: text() }.into(),
        Delete { of }.into(),
        Reaction { to: REF, emoji }.into(),
    ];
    for body in about {
        let content = content(body);
        assert!(content.amends() && !content.is_shown(), "{content:?}");
    }
    let mark = content(ReadMark {
        conv: ConvId([7; 32]),
        position: 8,
    });
    assert!(!mark.amends() && !mark.is_shown());
}

#[test]
fn keys_and_secrets_in_contents_are_not_shown() {
    let shown = format!(
        "{:?} {:?}",
        file(),
        InviteIssued {
            secret: [6; 16],
            created_ms: 7,
            room: None,
        }
    );
    assert!(
        !shown.contains("key") && !shown.contains("secret") && !shown.contains('6'),
        "{shown}"
    );
}

proptest! {
    // Proves: C21
    #[test]
    fn any_bytes_are_read_without_a_panic_and_what_is_read_is_written_alike(
        bytes in proptest::collection::vec(any::<u8>(), 0..200)
    ) {
        let bytes = Bytes::from(bytes);
        if let Ok(content) = Content::decode(&bytes) {
            prop_assert_eq!(content.encode().unwrap(), bytes);
        }
    }

    // Proves: C21
    #[test]
    fn fields_of_any_kind_and_any_bytes_are_read_without_a_panic(
        kind in 0_u64..40, fields in proptest::collection::vec(any::<u8>(), 0..100)
    ) {
        let fields = Bytes::from(fields);
        let written = subrosa_proto::encode(&content(Body::Unknown { kind, fields }));
        if let Ok(content) = Content::decode(&written) {
            prop_assert_eq!(content.encode().unwrap(), written);
        }
    }

    #[test]
    fn every_text_comes_back(text in any::<String>(), author_ms in any::<u64>(), id in any::<[u8; 16]>()) {
        let content = Content { id: ContentId(id), author_ms, body: Text { text }.into() };
        prop_assert_eq!(Content::decode(&content.encode().unwrap()).unwrap(), content);
    }
}
