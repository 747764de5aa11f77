//! The time-out of one request after another with one timer: to arm and disarm one for each costs
//! as much as all else that is done with a reply.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// A timer that is armed for some time up to the deadline that matters. When it fires early, it
/// is armed anew; so for replies that are in time it fires once a time-out, not once a request.
pub(super) struct Deadline(Pin<Box<Sleep>>);

impl Deadline {
    pub(super) fn new() -> Self {
        Self(Box::pin(sleep(Duration::ZERO)))
    }

    /// Run `future` until `until` at the latest; `None` if it is not done by then.
    ///
    /// `future` is dropped then, so it must be cancel safe.
    pub(super) async fn bound<T>(
        &mut self,
        until: Instant,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let mut future = std::pin::pin!(future);
        if self.0.deadline() > until {
            self.0.as_mut().reset(until);
        }
        loop {
            tokio::select! {
                biased;
                outcome = &mut future => return Some(outcome),
                () = &mut self.0 => {
                    if self.0.deadline() >= until {
                        return None;
                    }
                    self.0.as_mut().reset(until);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn each_future_has_its_own_deadline() {
        let start = Instant::now();
        let mut deadline = Deadline::new();
        for at in [50, 60, 200, 190, 300, 301] {
            let until = start + at * MS;
            assert_eq!(deadline.bound(until, ready(at)).await, Some(at));
            assert_eq!(deadline.bound(until, pending::<()>()).await, None, "{at}");
            assert_eq!(Instant::now(), until.max(start + 200 * MS * u32::from(at == 190)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_may_be_sooner_than_the_one_before() {
        let start = Instant::now();
        let mut deadline = Deadline::new();
        let late = deadline.bound(start + 500 * MS, sleep(10 * MS)).await;
        assert_eq!(late, Some(()));
        assert_eq!(deadline.bound(start + 30 * MS, pending::<()>()).await, None);
        assert_eq!(Instant::now(), start + 30 * MS);
    }
}
