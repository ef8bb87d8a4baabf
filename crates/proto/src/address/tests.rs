use super::*;

fn line() -> InviteLine {
    let hosts = Host::parse_list("192.168.1.7,example.org:4000").unwrap();
    InviteLine {
        address: Address {
            hosts,
            key: std::array::from_fn(|i| i as u8 * 7),
        },
        secret: InviteSecret([0xa5; 16]),
        bot: None,
    }
}

#[test]
fn lines_are_read_back_in_any_case() {
    let line = line();
    for text in [
        line.line(),
        line.line().to_lowercase(),
        line.line().to_uppercase(),
        format!("  {}/\n", line.line()),
    ] {
        assert_eq!(InviteLine::parse(&text), Ok(line.clone()), "{text}");
    }
    assert_eq!(Address::parse(&line.address.to_string()), Ok(line.address));
}

#[test]
fn every_wrong_or_swapped_character_is_told() {
    let line = line();
    let text = line.line();
    let from = text.rfind("org:4000/").unwrap() + "org:4000/".len();
    for at in from..text.len() {
        for other in SYMBOLS.chars().chain(['U', '*']) {
            let mut wrong = text.clone().into_bytes();
            if wrong[at] == b'/' || char::from(wrong[at]) == other {
                continue;
            }
            wrong[at] = other as u8;
            let read = InviteLine::parse(&String::from_utf8(wrong).unwrap());
            assert!(
                matches!(read, Err(AddressError::Mistyped(_))),
                "{at} {other} {read:?}"
            );
        }
        let mut swapped = text.clone().into_bytes();
        if at + 1 < text.len()
            && swapped[at] != swapped[at + 1]
            && swapped[at] != b'/'
            && swapped[at + 1] != b'/'
        {
            swapped.swap(at, at + 1);
            assert!(matches!(
                InviteLine::parse(&String::from_utf8(swapped).unwrap()),
                Err(AddressError::Mistyped(_))
            ));
        }
    }
}

#[test]
fn what_is_missing_is_named() {
    let line = line();
    let address = line.address.to_string();
    assert_eq!(InviteLine::parse("http://x/y"), Err(AddressError::Scheme));
    assert_eq!(InviteLine::parse(""), Err(AddressError::Scheme));
    assert!(matches!(
        InviteLine::parse(&address),
        Err(AddressError::Other(_))
    ));
    assert!(matches!(
        Address::parse(&line.line()),
        Err(AddressError::Other(_))
    ));
    assert_eq!(
        Address::parse(&address[..address.len() - 1]),
        Err(AddressError::KeyLength)
    );
    assert_eq!(
        InviteLine::parse(&line.line()[..line.line().len() - 3]),
        Err(AddressError::SecretLength)
    );
    for host in [
        "",
        "a b",
        "a;b",
        "-x",
        "$(id)",
        "a,b,c,d,e",
        "[::zz]",
        "x:y:z",
    ] {
        assert!(Host::parse_list(host).is_err(), "{host}");
    }
    assert_eq!(Host::parse("a:0"), Err(AddressError::Port));
    assert_eq!(Host::parse("a:70000"), Err(AddressError::Port));
}

#[test]
fn ipv6_keeps_its_brackets_and_asks_for_quotes() {
    let host = Host::parse("[::1]:99").unwrap();
    assert_eq!(
        (host.name.as_str(), host.port, host.to_string().as_str()),
        ("::1", 99, "[::1]:99")
    );
    assert_eq!(Host::parse("[::1]").unwrap().to_string(), "[::1]");
    assert!(
        Address {
            hosts: vec![host],
            key: [0; 32]
        }
        .needs_quotes()
    );
    assert!(!line().address.needs_quotes());
}

#[test]
fn a_line_needs_no_quoting() {
    assert!(
        line()
            .line()
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "://.,-_".contains(c))
    );
}

#[test]
fn the_secret_is_not_printed() {
    assert!(!format!("{:?}", line()).contains(&checked_text(&[0xa5; 16])[..8]));
    assert!(!format!("{:?}", line()).contains("165"));
}
