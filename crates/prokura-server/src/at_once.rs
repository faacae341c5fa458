//! Requests that share a connection, answered at once where they can be.
//!
//! HTTP/2 has each request run as a task of its own. Most are answered without waiting for anything, and then the task costs
//! more than the answer: it is made, put in line, and wakes the connection, which writes out one answer at a time. Here
//! requests run where their connection does, all that came in together, and their answers leave together. Only a request
//! that has to wait becomes a task.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use hyper::rt::Executor;

/// What has run this long keeps those behind it waiting no longer: they become tasks.
const TOGETHER_MAX: Duration = Duration::from_millis(1);

/// So often a connection is polled before others get their turn.
const ROUNDS_MAX: usize = 32;

type Request = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The requests of one connection that nobody has run yet.
#[derive(Clone, Default)]
pub(crate) struct Begun(Arc<Mutex<Vec<Request>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Begun {
    fn execute(&self, request: F) {
        // Nothing panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(request));
    }
}

/// A connection together with the requests that it has begun.
pub(crate) struct Together<C> {
    connection: C,
    begun: Begun,
    woken: Arc<Woken>,
}

impl<C: Future + Unpin> Together<C> {
    pub(crate) fn new(connection: C, begun: Begun) -> Self {
        Self { connection, begun, woken: Arc::default() }
    }

    pub(crate) fn connection(&mut self) -> &mut C {
        &mut self.connection
    }
}

impl<C: Future + Unpin> Future for Together<C> {
    type Output = C::Output;

    /// Polls the connection and runs what it has begun, until neither has more to do.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        let Self { connection, begun, woken } = &mut *self;
        woken.begin(cx.waker());
        let waker = Waker::from(Arc::clone(woken));
        let mut own = Context::from_waker(&waker);
        for _ in 0..ROUNDS_MAX {
            woken.again.swap(false, Ordering::SeqCst);
            if let Poll::Ready(ended) = Pin::new(&mut *connection).poll(&mut own) {
                // Whoever still waits for an answer that is on its way gets it, or finds the connection closed.
                begun.take().into_iter().for_each(spawn);
                return Poll::Ready(ended);
            }
            let requests = begun.take();
            let ran = !requests.is_empty();
            run_all(requests);
            if !ran && woken.end() {
                return Poll::Pending;
            }
        }
        // It does not rest: its task is woken here, and whoever wakes it until then need not.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Whom to wake for a connection. Whoever wakes it while it is polled only has it polled once more: it would be put in line
/// otherwise, and another thread be woken to take it from there.
#[derive(Default)]
struct Woken {
    polled: AtomicBool,
    again: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Woken {
    fn begin(&self, task: &Waker) {
        let mut known = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.as_ref().is_some_and(|known| known.will_wake(task)) {
            *known = Some(task.clone());
        }
        drop(known);
        self.polled.store(true, Ordering::SeqCst);
    }

    /// Whether it may rest. If somebody has woken it meanwhile, it may not.
    fn end(&self) -> bool {
        self.polled.store(false, Ordering::SeqCst);
        let rests = !self.again.swap(false, Ordering::SeqCst);
        if !rests {
            self.polled.store(true, Ordering::SeqCst);
        }
        rests
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.again.store(true, Ordering::SeqCst);
        // Either it is polled, and looks at that before it rests; or it rests, and its task is woken.
        if !self.polled.load(Ordering::SeqCst) {
            let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(task) = task {
                task.wake();
            }
        }
    }
}

impl Begun {
    fn take(&self) -> Vec<Request> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn run_all(requests: Vec<Request>) {
    let since = Instant::now();
    for request in requests {
        if since.elapsed() < TOGETHER_MAX {
            run(request);
        } else {
            spawn(request);
        }
    }
}

/// Runs the request as far as it comes without waiting. One that panics ends alone, as a task would.
fn run(mut request: Request) {
    // Whatever it waits for is told again whom to wake, by the task.
    let mut nobody = Context::from_waker(Waker::noop());
    if let Ok(Poll::Pending) = catch_unwind(AssertUnwindSafe(|| request.as_mut().poll(&mut nobody))) {
        spawn(request);
    }
}

fn spawn(request: Request) {
    tokio::spawn(request);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// A connection that begins so many requests at each poll, and ends when it was polled often enough.
    struct Beginning<F> {
        begun: Begun,
        each: usize,
        polls_left: usize,
        request: F,
    }

    impl<F: FnMut() -> Request + Unpin> Future for Beginning<F> {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            let Some(left) = self.polls_left.checked_sub(1) else { return Poll::Pending };
            self.polls_left = left;
            for _ in 0..self.each {
                let request = (self.request)();
                self.begun.execute(request);
            }
            Poll::Pending
        }
    }

    fn polled<F: FnMut() -> Request + Unpin>(each: usize, polls: usize, request: F) {
        let begun = Begun::default();
        let connection = Beginning { begun: begun.clone(), each, polls_left: polls, request };
        let mut together = Together::new(connection, begun);
        assert!(Pin::new(&mut together).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }

    /// A future that wakes itself so often, and counts its polls.
    struct Restless {
        wakes_left: usize,
        polls: usize,
    }

    impl Future for Restless {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            self.polls += 1;
            if let Some(left) = self.wakes_left.checked_sub(1) {
                self.wakes_left = left;
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        }
    }

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn who_wakes_a_connection_while_it_is_polled_has_it_polled_again_and_its_task_left_alone() {
        for (wakes, polls, woken) in
            [(0, 1, 0), (3, 4, 0), (ROUNDS_MAX - 1, ROUNDS_MAX, 0), (ROUNDS_MAX, ROUNDS_MAX, 1)]
        {
            let counted = Arc::new(Counted::default());
            let waker = Waker::from(Arc::clone(&counted));
            let mut together = Together::new(Restless { wakes_left: wakes, polls: 0 }, Begun::default());
            assert!(Pin::new(&mut together).poll(&mut Context::from_waker(&waker)).is_pending());
            assert_eq!((together.connection.polls, counted.0.load(Ordering::SeqCst)), (polls, woken), "{wakes}");
        }
    }

    #[test]
    fn who_wakes_a_connection_that_rests_wakes_its_task() {
        let counted = Arc::new(Counted::default());
        let waker = Waker::from(Arc::clone(&counted));
        let mut together = Together::new(Restless { wakes_left: 0, polls: 0 }, Begun::default());
        assert!(Pin::new(&mut together).poll(&mut Context::from_waker(&waker)).is_pending());
        Waker::from(Arc::clone(&together.woken)).wake();
        assert_eq!(counted.0.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_waits_for_nothing_is_done_when_the_connection_was_polled() {
        let done = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&done);
        polled(5, 3, move || {
            let counted = Arc::clone(&counted);
            Box::pin(async move {
                counted.fetch_add(1, Ordering::SeqCst);
            })
        });
        assert_eq!(done.load(Ordering::SeqCst), 15);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_done_later() {
        let (send, mut done) = tokio::sync::mpsc::unbounded_channel();
        polled(2, 2, move || {
            let send = send.clone();
            Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let _ = send.send(());
            })
        });
        for _ in 0..4 {
            done.recv().await.expect("it was sent");
        }
    }

    #[tokio::test]
    async fn a_request_that_panics_ends_alone() {
        let done = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&done);
        let mut number = 0;
        polled(3, 1, move || {
            number += 1;
            let (counted, panics) = (Arc::clone(&counted), number == 2);
            Box::pin(async move {
                assert!(!panics, "as it should");
                counted.fetch_add(1, Ordering::SeqCst);
            })
        });
        // Telling of a panic can take so long that the last one became a task.
        while done.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn those_behind_a_slow_one_do_not_wait_for_it_in_line() {
        let done = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&done);
        polled(3, 1, move || {
            let counted = Arc::clone(&counted);
            Box::pin(async move {
                std::thread::sleep(TOGETHER_MAX);
                counted.fetch_add(1, Ordering::SeqCst);
            })
        });
        assert_eq!(done.load(Ordering::SeqCst), 1);
        while done.load(Ordering::SeqCst) < 3 {
            tokio::task::yield_now().await;
        }
    }
}
