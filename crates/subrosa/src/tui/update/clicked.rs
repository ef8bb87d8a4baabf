//! The mouse: a click opens or chooses, the wheel scrolls.

use crate::tui::app::App;
use crate::tui::area::MARGIN;
use crate::tui::screens::Screen;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

/// Lines that one step of the wheel scrolls.
const WHEEL: usize = 3;

impl App {
    pub(in crate::tui) fn clicked(&mut self, mouse: MouseEvent) {
        if self.ringing().is_some() {
            return;
        }
        let clock = self.clock.clone();
        match mouse.kind {
            MouseEventKind::ScrollUp if matches!(self.screen, Screen::Chat) => {
                self.scroll(false, WHEEL, &clock);
            }
            MouseEventKind::ScrollDown if matches!(self.screen, Screen::Chat) => {
                self.scroll(true, WHEEL, &clock);
            }
            MouseEventKind::ScrollUp => self.scroll_screen(false),
            MouseEventKind::ScrollDown => self.scroll_screen(true),
            MouseEventKind::Down(MouseButton::Left) if matches!(self.screen, Screen::Chat) => {
                self.clicked_at(Position::new(mouse.column, mouse.row));
            }
            MouseEventKind::Down(MouseButton::Left) => self.clicked_screen(mouse.row),
            _ => {}
        }
    }

    fn clicked_at(&mut self, at: Position) {
        let areas = self.areas();
        if let Some(list) = areas.list.filter(|list| list.contains(at)) {
            // The first two lines are the heading.
            let nth = usize::from(at.y.saturating_sub(list.y)).checked_sub(usize::from(MARGIN));
            let name = nth
                .and_then(|nth| self.talks.list().get(nth))
                .map(|talk| talk.name.clone());
            return name.into_iter().for_each(|name| self.open(&name));
        }
        if areas.typed.contains(at) {
            return self.write();
        }
        if areas.timeline.contains(at) {
            self.choose_at(at.y.saturating_sub(areas.timeline.y));
        }
    }

    fn choose_at(&mut self, line: u16) {
        let fit = self.fit();
        let clock = self.clock.clone();
        let Some(open) = &mut self.open else { return };
        let view = open.view(fit, &clock);
        // Few rows stand at the bottom.
        let empty = fit.height.saturating_sub(view.len());
        let strip = usize::from(line)
            .checked_sub(empty)
            .and_then(|at| view.get(at));
        if let Some(cursor) = strip.map(|strip| strip.cursor)
            && open
                .entry(cursor)
                .is_some_and(crate::tui::timeline::Entry::is_message)
        {
            open.chosen = Some(cursor);
            self.reading = true;
        }
    }
}
