//! The interactive screen.
use super::stage::Stage;
use crate::output::Output;
use crate::signals::Signals;
pub async fn set(_: Output) -> anyhow::Result<Stage> {
    Stage::open().await
}
pub async fn run(stage: Stage, _: &mut Signals) -> anyhow::Result<(Stage, Vec<String>)> {
    Ok((stage, Vec::new()))
}
