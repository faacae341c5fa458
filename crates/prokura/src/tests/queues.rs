use std::{
    sync::{Arc, mpsc::channel},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Options,
    limits::{
        BATCH_RECORD_BYTES_MAX, BATCH_RECORDS_MAX, RECORD_BYTES_MAX, RECORD_QUEUE_BYTES_MAX, RECORD_QUEUE_DEFAULT,
        WRITE_QUEUE_DEFAULT,
    },
    queue::{Batch, Queue, Refused, Taken},
    recorder::check_size,
};

const SHORT: Duration = Duration::from_millis(20);

fn many(entries: usize) -> Batch {
    Batch { entries, bytes: usize::MAX }
}

#[track_caller]
fn holds_so_many(queue: &Queue<usize>, capacity: usize) {
    for entry in 0..capacity {
        queue.put(entry, SHORT).unwrap();
    }
    let begun = Instant::now();
    assert_eq!(queue.put(capacity, SHORT), Err(Refused::Full));
    assert!(begun.elapsed() >= SHORT, "it was refused without waiting");
    assert_eq!(queue.len(), capacity);
    assert_eq!(queue.take(), Some(0));
    queue.put(capacity, SHORT).unwrap();
}

#[test]
fn limit_write_queue_default() {
    let capacity = Options::default().write_queue;
    assert_eq!(capacity, WRITE_QUEUE_DEFAULT);
    holds_so_many(&Queue::new(capacity), capacity);
}

#[test]
fn limit_record_queue_default() {
    let capacity = Options::default().record_queue;
    assert_eq!(capacity, RECORD_QUEUE_DEFAULT);
    holds_so_many(&Queue::new(capacity), capacity);
}

#[test]
fn limit_batch_records_max() {
    let queue = Queue::new(2 * BATCH_RECORDS_MAX);
    for entry in 0..=BATCH_RECORDS_MAX {
        queue.put(entry, SHORT).unwrap();
    }
    let batch = queue.take_batch(many(BATCH_RECORDS_MAX), SHORT);
    assert_eq!(batch.len(), BATCH_RECORDS_MAX);
    assert_eq!(queue.take_batch(many(BATCH_RECORDS_MAX), SHORT), [BATCH_RECORDS_MAX]);
}

#[test]
fn limit_record_queue_bytes_max() {
    let queue = Queue::with_budget(10, RECORD_QUEUE_BYTES_MAX);
    queue.put_sized(RECORD_QUEUE_BYTES_MAX - 1, 0, SHORT).unwrap();
    queue.put_sized(1, 1, SHORT).unwrap();
    let begun = Instant::now();
    assert_eq!(queue.put_sized(1, 2, SHORT), Err((Refused::Full, 2)));
    assert!(begun.elapsed() >= SHORT, "it was refused without waiting");
    assert_eq!(queue.take(), Some(0));
    queue.put_sized(RECORD_QUEUE_BYTES_MAX - 1, 2, SHORT).unwrap();
    assert_eq!(queue.put_sized(1, 3, SHORT), Err((Refused::Full, 3)));
}

#[test]
fn an_entry_that_is_alone_always_fits() {
    let queue = Queue::with_budget(10, 4);
    queue.put_sized(5, 1, SHORT).unwrap();
    assert_eq!(queue.put_sized(1, 2, SHORT), Err((Refused::Full, 2)));
    assert_eq!(queue.take_batch(Batch { entries: 10, bytes: 4 }, SHORT), [1]);
    queue.put_sized(4, 3, SHORT).unwrap();
}

#[test]
fn limit_batch_record_bytes_max() {
    let queue = Queue::new(10);
    let most = Batch { entries: 10, bytes: BATCH_RECORD_BYTES_MAX };
    for (bytes, entry) in [(BATCH_RECORD_BYTES_MAX - 1, 1), (1, 2), (BATCH_RECORD_BYTES_MAX, 3), (1, 4)] {
        queue.put_sized(bytes, entry, SHORT).unwrap();
    }
    assert_eq!(queue.take_batch(most, SHORT), [1, 2]);
    assert_eq!(queue.take_batch(most, SHORT), [3]);
    assert_eq!(queue.take_batch(most, SHORT), [4]);
}

#[test]
fn limit_record_bytes_max() {
    check_size(RECORD_BYTES_MAX).unwrap();
    let error = check_size(RECORD_BYTES_MAX + 1).unwrap_err();
    assert_eq!((error.code(), error.fault()), ("request_invalid", prokura_model::Fault::Limit));
}

#[test]
fn a_place_that_comes_free_is_given_to_whoever_waits() {
    let queue = Arc::new(Queue::new(1));
    queue.put(1, SHORT).unwrap();
    let own = Arc::clone(&queue);
    let waiting = thread::spawn(move || own.put(2, Duration::from_secs(60)));
    assert_eq!(queue.take(), Some(1));
    waiting.join().unwrap().unwrap();
    assert_eq!(queue.take(), Some(2));
}

#[test]
fn a_closed_queue_is_emptied_and_takes_nothing_more() {
    let queue = Queue::new(4);
    queue.put(1, SHORT).unwrap();
    queue.close();
    assert_eq!(queue.put(2, SHORT), Err(Refused::Closed));
    assert_eq!(queue.take(), Some(1));
    assert_eq!(queue.take(), None);
    assert!(queue.take_batch(many(4), SHORT).is_empty());
}

#[test]
fn closing_wakes_everybody() {
    let queue = Arc::new(Queue::new(1));
    let long = Duration::from_secs(60);
    let (sender, receiver) = channel();
    let taker = {
        let (queue, sender) = (Arc::clone(&queue), sender);
        thread::spawn(move || {
            assert_eq!(queue.take_batch(many(8), long), [1]);
            sender.send(()).unwrap();
        })
    };
    queue.put(1, long).unwrap();
    receiver.recv_timeout(Duration::from_secs(10)).unwrap();
    taker.join().unwrap();
    queue.put(2, long).unwrap();
    let putter = {
        let queue = Arc::clone(&queue);
        thread::spawn(move || queue.put(3, long))
    };
    thread::sleep(SHORT);
    queue.close();
    assert_eq!(putter.join().unwrap(), Err(Refused::Closed));
}

#[test]
fn an_urgent_entry_ends_the_gathering() {
    let queue = Arc::new(Queue::new(100));
    let own = Arc::clone(&queue);
    let taker = thread::spawn(move || own.take_batch(many(100), Duration::from_secs(60)));
    queue.put(1, SHORT).unwrap();
    queue.put_urgent(2, SHORT).unwrap();
    let begun = Instant::now();
    let mut taken = taker.join().unwrap();
    // The first may have been alone when the taker looked; then it waits for more, and the second ends that.
    taken.extend(std::iter::from_fn(|| queue.take_now()));
    assert_eq!(taken, [1, 2]);
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn who_takes_within_a_time_is_told_whether_anything_may_still_come() {
    let queue = Queue::new(4);
    let begun = Instant::now();
    assert_eq!(queue.take_within(Some(SHORT)), Taken::Nothing);
    assert!(begun.elapsed() >= SHORT, "it did not wait");
    queue.put(1, SHORT).unwrap();
    queue.put(2, SHORT).unwrap();
    queue.close();
    assert!(queue.is_closed());
    assert_eq!(queue.take_within(Some(Duration::ZERO)), Taken::Entry(1));
    assert_eq!(queue.take_within(None), Taken::Entry(2));
    assert_eq!(queue.take_within(None), Taken::Closed);
    assert_eq!(queue.take_within(Some(Duration::from_secs(60))), Taken::Closed);
}
