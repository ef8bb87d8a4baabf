//! Who is told how far a measurement has come.

/// A face that shows progress.
pub trait Watch: Send + Sync {
    /// A part has begun: what it does and of how many steps, 0 where that is not known.
    fn begin(&self, what: &str, steps: u64);
    /// So many more steps are done.
    fn step(&self, count: u64);
}
