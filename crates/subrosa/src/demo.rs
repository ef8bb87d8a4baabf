//! The demonstration.
use crate::seat::Setting;
pub async fn run(_: &Setting) -> anyhow::Result<()> {
    Ok(())
}
