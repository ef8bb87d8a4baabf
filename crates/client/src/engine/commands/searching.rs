//! What matches a query.

use super::unknown;
use crate::command::{Answer, Command, Failure};
use crate::engine::turn::{CallId, Turn};
use crate::engine::{Engine, EngineError};
use crate::search::{HitView, Query, Reach, SearchView, excerpt, found};
use crate::view::{Row, RowKind};
use std::collections::BTreeSet;
use subrosa_proto::AccountId;

/// Hits that one answer carries at most.
const HITS_MAX: u32 = 200;
/// Rows looked at in one step.
const STEP: u32 = 500;

/// A query with its names resolved.
struct Wanted {
    query: Query,
    from: BTreeSet<AccountId>,
    within: BTreeSet<i64>,
}

impl Engine {
    pub(super) fn search(
        &self,
        turn: &mut Turn<'_>,
        call: CallId,
        command: &Command,
    ) -> Result<(), EngineError> {
        let Command::Search {
            query,
            conversation,
            before,
            limit,
            zone_s,
        } = command
        else {
            return Ok(());
        };
        let wanted = Query::parse(query, *zone_s, turn.now_ms)
            .map_err(Failure::user)
            .and_then(|query| self.resolve(query, conversation.as_deref()));
        let answer = match wanted {
            Ok(wanted) => Ok(Answer::Found(self.look(turn, &wanted, *before, *limit)?)),
            Err(failure) => Err(failure),
        };
        turn.answer(call, answer);
        Ok(())
    }

    fn resolve(&self, query: Query, conversation: Option<&str>) -> Result<Wanted, Failure> {
        let within = query.within.iter().map(String::as_str).chain(conversation);
        let within = within.map(|named| self.conversation_no(named).ok_or_else(|| unknown(named)));
        let within = within.collect::<Result<_, _>>()?;
        let from = query.from.iter().map(|named| self.author(named));
        let from = from.collect::<Result<_, _>>()?;
        Ok(Wanted {
            query,
            from,
            within,
        })
    }

    fn author(&self, named: &str) -> Result<AccountId, Failure> {
        let name = named.strip_prefix('@').unwrap_or(named);
        let persons = self.people.iter().map(|person| person.account.id());
        let ids: Vec<_> = persons
            .filter(|id| self.people.name_of(id) == name)
            .collect();
        match ids.first() {
            Some(id) => Ok(*id),
            None if name == "me" => Ok(self.account),
            None => Err(Failure::user(format!(
                "nobody is called {named} here: `subrosa trust` lists whom this home knows"
            ))),
        }
    }

    fn look(
        &self,
        turn: &Turn<'_>,
        wanted: &Wanted,
        before: Option<u64>,
        limit: u32,
    ) -> Result<SearchView, EngineError> {
        let limit = limit.clamp(1, HITS_MAX) as usize;
        let only = match wanted.within.iter().collect::<Vec<_>>().as_slice() {
            [only] => Some(**only),
            _ => None,
        };
        let (mut hits, mut next, mut place) = (Vec::new(), None, before);
        'looked: loop {
            let lines = turn.desk.lines_before(only, place, STEP)?;
            place = lines.first().map(|line| line.cursor);
            for line in lines.iter().rev() {
                let here = wanted.within.is_empty() || wanted.within.contains(&line.conversation);
                let theirs = wanted.from.is_empty() || wanted.from.contains(&line.account);
                if !here || !theirs {
                    continue;
                }
                let row = self.row(turn.desk, line)?;
                if let Some(hit) = row.and_then(|row| hit(row, &wanted.query)) {
                    hits.push(hit);
                    if hits.len() == limit {
                        next = Some(line.cursor);
                        break 'looked;
                    }
                }
            }
            if lines.len() < STEP as usize {
                break;
            }
        }
        let history = self.history_view();
        Ok(SearchView {
            hits,
            next,
            reach: Reach {
                unindexed: 0,
                missing: history.events.saturating_sub(history.events_here),
            },
        })
    }
}

/// A row, if it matches.
fn hit(row: Row, query: &Query) -> Option<HitView> {
    let RowKind::Text { text } = &row.what else {
        return None;
    };
    let after = query.after_ms.is_none_or(|after| row.time_ms >= after);
    let before = query.before_ms.is_none_or(|before| row.time_ms < before);
    let link = !query.link || has_link(text);
    if !after || !before || !link || query.file {
        return None;
    }
    let places = found(text, &query.terms)?;
    let (excerpt, marks) = excerpt(text, &places);
    Some(HitView {
        row,
        excerpt,
        marks,
    })
}

/// Whether an address of the web stands in a text.
fn has_link(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        text.match_indices(scheme).any(|(at, scheme)| {
            let rest = text.get(at + scheme.len()..).unwrap_or_default();
            rest.starts_with(|c: char| c.is_alphanumeric() || c == '[')
        })
    })
}
