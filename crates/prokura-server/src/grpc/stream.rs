//! Answers of many messages: made page by page, where waiting keeps nobody, and only as fast as they are read.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::sync::mpsc;
use tokio_stream::Stream;
use tonic::Status;

use crate::limits::STREAM_PAGES_WAITING_MAX;

/// Entries of a long answer that are made at once.
pub(super) const PAGE_ENTRIES: usize = 500;

/// Messages that come in pages. All of a page are ready at once, so that they leave together.
pub(crate) struct Pages<T> {
    waiting: mpsc::Receiver<Result<Page<T>, Status>>,
    page: Page<T>,
}

/// Messages that are at hand, or made of what is.
pub(crate) type Page<T> = Box<dyn Iterator<Item = T> + Send>;

/// The page of these messages.
pub(crate) fn page<T: Send + 'static>(messages: Vec<T>) -> Page<T> {
    Box::new(messages.into_iter())
}

/// Where pages are sent.
pub(crate) type Sending<T> = mpsc::Sender<Result<Page<T>, Status>>;

/// What a page says: its messages, and where the next one begins, if there is one.
pub(crate) type Made<T, S> = Result<(Vec<T>, Option<S>), Status>;

impl<T: Send + 'static> Pages<T> {
    /// The pages from this place on, each made by `make` on a thread that may wait. A page is made when there is room for
    /// it: a reader that does not read holds a few pages and no thread.
    pub(crate) fn made<S: Send + 'static>(start: S, make: impl Fn(S) -> Made<T, S> + Send + Sync + 'static) -> Self {
        let make = Arc::new(make);
        Self::sent(async move |send| {
            let mut next = Some(start);
            while let Some(place) = next.take() {
                let Ok(room) = send.reserve().await else { return };
                let make = Arc::clone(&make);
                let done = tokio::task::spawn_blocking(move || make(place)).await;
                match done.unwrap_or_else(|_| Err(Status::internal("the work for this call failed"))) {
                    Ok((made, after)) => {
                        room.send(Ok(page(made)));
                        next = after;
                    }
                    Err(status) => {
                        room.send(Err(status));
                        return;
                    }
                }
            }
        })
    }

    /// All of it, worked out at once on a thread that may wait. What is worked out becomes messages as they are read.
    pub(crate) fn whole<I: Iterator<Item = T> + Send + 'static>(
        work: impl FnOnce() -> Result<I, Status> + Send + 'static,
    ) -> Self {
        Self::sent(async move |send: Sending<T>| {
            let done = tokio::task::spawn_blocking(work).await;
            let done = done.unwrap_or_else(|_| Err(Status::internal("the work for this call failed")));
            // Nobody reads any more if it cannot be sent.
            let _ = send.send(done.map(|messages| Box::new(messages) as Page<T>)).await;
        })
    }

    /// Whatever this sends, until it is done or nobody reads any more.
    pub(crate) fn sent<F: Future<Output = ()> + Send + 'static>(work: impl FnOnce(Sending<T>) -> F) -> Self {
        let (send, waiting) = mpsc::channel(STREAM_PAGES_WAITING_MAX);
        tokio::spawn(work(send));
        Self { waiting, page: Box::new(std::iter::empty()) }
    }
}

impl<T: Unpin> Stream for Pages<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(message) = self.page.next() {
                return Poll::Ready(Some(Ok(message)));
            }
            match ready!(self.waiting.poll_recv(cx)) {
                Some(Ok(page)) => self.page = page,
                Some(Err(status)) => return Poll::Ready(Some(Err(status))),
                None => return Poll::Ready(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio_stream::StreamExt;

    use super::*;

    #[tokio::test]
    async fn limit_stream_pages_waiting_max() {
        let made = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&made);
        let mut pages = Pages::made(0_usize, move |number| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok((vec![number], (number < 9).then_some(number + 1)))
        });
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        assert_eq!(made.load(Ordering::SeqCst), STREAM_PAGES_WAITING_MAX);
        let mut read = Vec::new();
        while let Some(message) = pages.next().await {
            read.push(message.unwrap());
        }
        assert_eq!(read, (0..10).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_failure_comes_after_what_was_made_before_it_and_ends_everything() {
        let pages = Pages::made(0_usize, |number| match number {
            2 => Err(Status::out_of_range("gone")),
            _ => Ok((vec![number], Some(number + 1))),
        });
        let read: Vec<Result<usize, Status>> = pages.collect().await;
        assert_eq!(read.len(), 3);
        assert_eq!(read[1].as_ref().unwrap(), &1);
        assert_eq!(read[2].as_ref().unwrap_err().code(), tonic::Code::OutOfRange);
    }
}
