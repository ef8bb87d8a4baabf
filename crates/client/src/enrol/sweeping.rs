//! What secrets leave on a stack: values that were moved, registers that were put aside, the work space of curves and
//! hashes. None of it has an owner that could wipe it, so the stack is overwritten once whoever used it has returned.
//!
//! Values that live on while a future waits lie in the future itself. They are wiped where they are dropped, and those
//! that are keys are boxed by their crates: what a move leaves behind is then a pointer.

use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};
use zeroize::Zeroizing;

/// How far below its caller secret work reaches, several times over.
const DEPTH: usize = 128 * 1024;

/// Does secret work and overwrites the part of the stack that it has used.
pub(super) fn swept<T>(work: impl FnOnce() -> T) -> T {
    let done = apart(work);
    sweep();
    done
}

/// The same for work that waits in between, after each of its steps: the next may be on another thread.
pub(super) async fn swept_steps<T>(work: impl Future<Output = T> + Send) -> T {
    Swept(Box::pin(work)).await
}

struct Swept<'a, T>(Pin<Box<dyn Future<Output = T> + Send + 'a>>);

impl<T> Future for Swept<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        swept(|| self.0.as_mut().poll(context))
    }
}

/// A frame of its own, which begins where that of [`sweep`] will.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn sweep() {
    let mut below = Zeroizing::new([0_u8; DEPTH]);
    black_box(&mut below);
}

#[cfg(test)]
mod tests {
    use super::swept;

    #[test]
    fn what_work_gives_is_given_on() {
        let deep = |depth: u32| (0..depth).fold(1_u64, |sum, next| sum ^ u64::from(next));
        assert_eq!(swept(|| deep(9)), deep(9));
    }
}
