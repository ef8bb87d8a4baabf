//! Tests of the ledger against docs/spec/ledger.md, through its public API.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod bots;
#[cfg(test)]
mod chain;
#[cfg(test)]
mod control;
#[cfg(test)]
mod exhaustive;
#[cfg(test)]
mod fork;
#[cfg(test)]
mod joining;
#[cfg(test)]
mod merging;
#[cfg(test)]
mod prekey;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod trimmed;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod void;
#[cfg(test)]
mod world;
