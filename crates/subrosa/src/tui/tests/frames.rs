//! How long a frame takes: what follows from an event, and the picture of it.
//! `just frames` runs this with optimisation and prints what it measures. It is no criterion bench: that would repeat one
//! frame until its mean is known, where the longest of all frames of one way through a history is asked for, and a bench
//! outside of the program cannot name its parts.

use super::scene::Scene;
use crate::tui::event::{Ask, Effect};
use crate::tui::sample::{self, row};
use crate::tui::widgets;
use crossterm::event::KeyCode;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::time::{Duration, Instant};
use subrosa_client::{Answer, Command, Notice, Row};

const SIZE: (u16, u16) = (160, 50);
/// A frame at 60 pictures a second.
const FRAME: Duration = Duration::from_millis(16);

/// The row with this number of a long conversation.
fn nth(number: u64) -> Row {
    let from = if number.is_multiple_of(3) {
        "ada"
    } else {
        "bob"
    };
    let text = "words of a conversation that has gone on for long, 日本語 and 🌹 "
        .repeat(1 + (number % 5) as usize);
    let mut row = row(number, from, &text);
    row.time_ms = sample::NOW_MS - (1_000_000 - number) * 30_000;
    row
}

/// A scene whose history has so many rows, drawn after every event.
struct Screen {
    scene: Scene,
    terminal: Terminal<TestBackend>,
    rows: u64,
    frames: Vec<Duration>,
}

impl Screen {
    fn new(rows: u64) -> Self {
        let mut scene = Scene::empty(SIZE);
        scene.answer(Ask::Talks, Answer::Conversations(sample::list()));
        let terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
        let mut screen = Self {
            scene,
            terminal,
            rows,
            frames: Vec::new(),
        };
        screen.serve();
        screen
    }

    /// Answers what was asked, as a client would.
    fn serve(&mut self) {
        for effect in std::mem::take(&mut self.scene.effects) {
            let Effect::Call(ask, command) = effect else {
                continue;
            };
            let rows: Vec<Row> = match command {
                Command::Read { before, limit, .. } => {
                    let end = before.map_or(self.rows, |before| before - 1);
                    (end.saturating_sub(u64::from(limit)) + 1..=end)
                        .map(nth)
                        .collect()
                }
                Command::Around { cursor, behind, .. } => (cursor
                    ..=(cursor + u64::from(behind)).min(self.rows))
                    .map(nth)
                    .collect(),
                _ => continue,
            };
            let began = Instant::now();
            self.scene.answer(ask, Answer::Rows(rows));
            self.draw(began);
        }
    }

    fn draw(&mut self, began: Instant) {
        let app = &self.scene.app;
        self.terminal
            .draw(|frame| widgets::draw(frame, app))
            .unwrap();
        self.frames.push(began.elapsed());
    }

    fn press(&mut self, key: KeyCode) {
        let began = Instant::now();
        self.scene.key(key);
        self.draw(began);
        self.serve();
    }

    fn told(&mut self, what: &str) {
        let mut frames = std::mem::take(&mut self.frames);
        frames.sort_unstable();
        let at =
            |part: f64| frames[((frames.len() - 1) as f64 * part) as usize].as_secs_f64() * 1_000.0;
        let late = frames.iter().filter(|frame| **frame > FRAME).count();
        println!(
            "{what}: {} frames, half below {:.2} ms, 99 of 100 below {:.2} ms, longest {:.2} ms, {late} above 16 ms",
            frames.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}

/// What the memory of this process holds, in megabytes.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .next()
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1_024
}

fn scroll(screen: &mut Screen) {
    let mut first = u64::MAX;
    while first > 1 {
        screen.press(KeyCode::PageUp);
        let open = screen.scene.app.open.as_ref().unwrap();
        first = open.first().unwrap().row.cursor;
    }
}

/// 200 messages a second, at 60 pictures a second.
fn receive(screen: &mut Screen, seconds: u64) {
    let first = screen.rows + 1;
    let mut next = first;
    for picture in 1..=seconds * 60 {
        let began = Instant::now();
        while next < first + picture * 200 / 60 {
            screen.scene.tell(Notice::Row(nth(next)));
            next += 1;
        }
        screen.draw(began);
    }
    screen.rows = next - 1;
}

#[test]
fn a_long_history_is_scrolled_to_its_first_row_and_what_arrives_is_seen() {
    let mut screen = Screen::new(2_000);
    receive(&mut screen, 1);
    let last = screen
        .scene
        .app
        .open
        .as_ref()
        .unwrap()
        .last()
        .unwrap()
        .row
        .cursor;
    assert_eq!(last, screen.rows);
    scroll(&mut screen);
    let open = screen.scene.app.open.as_ref().unwrap();
    assert_eq!(open.first().unwrap().row.cursor, 1);
}

#[test]
#[ignore = "measures"]
fn frames_of_a_long_history() {
    let mut screen = Screen::new(100_000);
    screen.told("opening");
    receive(&mut screen, 20);
    screen.told("receiving 200 messages a second");
    scroll(&mut screen);
    screen.told("scrolling through 100,000 messages");
    println!("memory: {} MB resident", resident_mb());
}
