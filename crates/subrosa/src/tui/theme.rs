//! Colours. Every meaning has an ink; a theme says how the ink looks. Without colours meanings are
//! told apart by weight, and nothing is told by colour alone.

use ratatui::style::{Color, Modifier, Style};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// In a home: the theme that was chosen there. It belongs to the machine's terminal, so no other device gets it.
const FILE: &str = "theme";

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// What people write.
    Text,
    /// What may be overlooked.
    Dim,
    /// What one can do next.
    Accent,
    /// This person's name.
    Own,
    /// Somebody's name; each has a colour of its own.
    Name(u8),
    /// Names this person.
    Mention,
    /// Not seen yet.
    Unread,
    /// Lines between parts.
    Line,
    /// All is well.
    Good,
    /// Something to know.
    Warn,
    /// Something not to be overlooked.
    Alarm,
    /// A heading.
    Title,
}

/// How inks look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// Without colours.
    None,
}

/// Colours of names, told apart on a dark and on a light background.
const NAMES_DARK: [u8; 6] = [110, 150, 180, 175, 116, 222];
const NAMES_LIGHT: [u8; 6] = [25, 64, 130, 126, 30, 94];

impl Theme {
    /// All of them, as they are typed.
    pub const ALL: [(&'static str, Self); 3] = [
        ("dark", Self::Dark),
        ("light", Self::Light),
        ("none", Self::None),
    ];

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, theme)| *theme)
    }

    /// What suits a terminal: none where `NO_COLOR` asks for it (no-color.org), light where the
    /// terminal says in `COLORFGBG` that its background is.
    pub fn fitting(no_color: bool, colorfgbg: Option<&str>) -> Self {
        if no_color {
            return Self::None;
        }
        let ground = colorfgbg.and_then(|both| both.rsplit(';').next());
        match ground.and_then(|ground| ground.parse::<u8>().ok()) {
            Some(7 | 9..=15) => Self::Light,
            _ => Self::Dark,
        }
    }

    /// What suits the terminal of this process.
    pub fn of_terminal() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self::fitting(no_color, std::env::var("COLORFGBG").ok().as_deref())
    }

    /// The one that was chosen last in a home, unless `NO_COLOR` asks for none.
    pub fn remembered(home: &Path) -> Self {
        let fitting = Self::of_terminal();
        if fitting == Self::None {
            return fitting;
        }
        let chosen = std::fs::read_to_string(home.join(FILE)).ok();
        let chosen = chosen.and_then(|chosen| Self::named(chosen.trim()));
        chosen.unwrap_or(fitting)
    }

    /// Keeps it for the next start; where that fails it is chosen again.
    pub fn remember(self, home: &Path) {
        let named = Self::ALL.iter().find(|(_, theme)| *theme == self);
        if let Some((name, _)) = named {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let opened = options.open(home.join(FILE));
            drop(opened.and_then(|mut file| writeln!(file, "{name}")));
        }
    }

    /// How an ink looks.
    pub fn style(self, ink: Ink) -> Style {
        match self {
            Self::None => plain(ink),
            Self::Dark => coloured(ink, &NAMES_DARK, [79, 114, 215, 203, 240]),
            Self::Light => coloured(ink, &NAMES_LIGHT, [30, 28, 130, 160, 249]),
        }
    }
}

fn plain(ink: Ink) -> Style {
    let style = Style::new();
    match ink {
        Ink::Text | Ink::Line => style,
        Ink::Dim => style.add_modifier(Modifier::DIM),
        Ink::Accent | Ink::Own | Ink::Name(_) | Ink::Title | Ink::Good | Ink::Warn => {
            style.add_modifier(Modifier::BOLD)
        }
        Ink::Mention | Ink::Unread => style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        Ink::Alarm => style.add_modifier(Modifier::REVERSED | Modifier::BOLD),
    }
}

/// The colours are accent, good, warn, alarm and line.
fn coloured(ink: Ink, names: &[u8; 6], colours: [u8; 5]) -> Style {
    let [accent, good, warn, alarm, line] = colours;
    let of = |colour| Style::new().fg(Color::Indexed(colour));
    match ink {
        Ink::Text => Style::new(),
        Ink::Dim => of(245),
        Ink::Accent => of(accent),
        Ink::Own => of(accent).add_modifier(Modifier::BOLD),
        Ink::Name(number) => {
            let at = usize::from(number) % names.len();
            of(names.get(at).copied().unwrap_or(accent)).add_modifier(Modifier::BOLD)
        }
        Ink::Mention => of(warn).add_modifier(Modifier::BOLD),
        Ink::Unread => of(accent).add_modifier(Modifier::BOLD),
        Ink::Line => of(line),
        Ink::Good => of(good),
        Ink::Warn => of(warn),
        Ink::Alarm => Style::new()
            .fg(Color::Indexed(231))
            .bg(Color::Indexed(alarm))
            .add_modifier(Modifier::BOLD),
        Ink::Title => Style::new().add_modifier(Modifier::BOLD),
    }
}

/// The ink of somebody's name: the same whenever they write.
pub fn of_name(name: &str) -> Ink {
    let sum = name
        .bytes()
        .fold(7_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    Ink::Name(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_fits_the_terminal() {
        assert_eq!(Theme::fitting(true, Some("0;15")), Theme::None);
        assert_eq!(Theme::fitting(false, Some("0;15")), Theme::Light);
        assert_eq!(Theme::fitting(false, Some("15;default;0")), Theme::Dark);
        assert_eq!(Theme::fitting(false, None), Theme::Dark);
        assert_eq!(Theme::named("light"), Some(Theme::Light));
        assert_eq!(Theme::named("pink"), None);
    }

    #[test]
    fn a_chosen_theme_is_remembered() {
        let home = tempfile::tempdir().unwrap();
        let fitting = Theme::of_terminal();
        assert_eq!(Theme::remembered(home.path()), fitting);
        for theme in [Theme::Light, Theme::Dark] {
            theme.remember(home.path());
            let wanted = if fitting == Theme::None {
                fitting
            } else {
                theme
            };
            assert_eq!(Theme::remembered(home.path()), wanted);
        }
        std::fs::write(home.path().join(FILE), "pink").unwrap();
        assert_eq!(Theme::remembered(home.path()), fitting);
    }

    #[test]
    fn without_colours_there_are_none() {
        let inks = [
            Ink::Text,
            Ink::Dim,
            Ink::Accent,
            Ink::Own,
            Ink::Name(3),
            Ink::Mention,
            Ink::Unread,
            Ink::Line,
            Ink::Good,
            Ink::Warn,
            Ink::Alarm,
            Ink::Title,
        ];
        for ink in inks {
            let style = Theme::None.style(ink);
            assert_eq!((style.fg, style.bg), (None, None), "{ink:?}");
        }
    }
}
