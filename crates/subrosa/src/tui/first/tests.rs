use super::*;
use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use subrosa_proto::{Host, InviteSecret};

fn first() -> First {
    First::new(Theme::Dark, "ada".to_owned())
}

fn address() -> Address {
    let host = Host {
        name: "192.0.2.7".to_owned(),
        port: 40,
    };
    Address {
        hosts: vec![host],
        key: [7; 32],
    }
}

fn enter(first: &mut First) -> Decided {
    first.pressed(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE))
}

fn pictures(name: &str, first: &First) {
    for (columns, rows) in [(120, 40), (80, 24), (50, 20)] {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| draw::draw(frame, first)).unwrap();
        insta::assert_snapshot!(
            format!("{name}_{columns}x{rows}"),
            terminal.backend().to_string()
        );
    }
}

#[test]
fn a_pasted_join_line_leads_to_a_name_and_an_account() {
    let mut first = first();
    pictures("line", &first);
    let line = InviteLine {
        address: address(),
        secret: InviteSecret([9; 16]),
        bot: None,
    };
    first.pasted(&format!("subrosa join '{}'\n", line.line()));
    assert_eq!(first.step, Step::NewName(line.clone()));
    pictures("name", &first);
    let Decided::Join(joined, name) = enter(&mut first) else {
        panic!("{:?}", first.step);
    };
    assert_eq!((joined, name.as_str()), (line, "ada"));
    first.working = true;
    pictures("working", &first);
}

#[test]
fn an_address_leads_to_a_login_and_the_password_is_not_shown() {
    let mut first = first();
    first.pasted(&address().to_string());
    enter(&mut first);
    assert_eq!(first.step, Step::Name(address()));
    enter(&mut first);
    first.pasted("six words of a passphrase");
    pictures("password", &first);
    let Decided::Login(.., password) = enter(&mut first) else {
        panic!("{:?}", first.step);
    };
    assert_eq!(*password, "six words of a passphrase");
    assert!(first.typed.is_empty());
}

#[test]
fn what_is_wrong_is_said_and_escape_goes_back() {
    let mut first = first();
    first.pasted("http://example.org");
    enter(&mut first);
    assert!(first.wrong.is_some());
    pictures("wrong", &first);
    first.begin(Step::Name(address()), "Not A Name");
    enter(&mut first);
    assert!(first.wrong.is_some());
    let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
    assert!(matches!(first.pressed(escape), Decided::Nothing));
    assert!(matches!(first.pressed(escape), Decided::Leave));
}
