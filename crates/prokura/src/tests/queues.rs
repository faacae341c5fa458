use std::{
    sync::{Arc, mpsc::channel},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Options,
    limits::{BATCH_RECORDS_MAX, RECORD_QUEUE_DEFAULT, WRITE_QUEUE_DEFAULT},
    queue::{Queue, Refused},
};

const SHORT: Duration = Duration::from_millis(20);

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
    let batch = queue.take_batch(BATCH_RECORDS_MAX, SHORT);
    assert_eq!(batch.len(), BATCH_RECORDS_MAX);
    assert_eq!(queue.take_batch(BATCH_RECORDS_MAX, SHORT), [BATCH_RECORDS_MAX]);
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
    assert!(queue.take_batch(4, SHORT).is_empty());
}

#[test]
fn closing_wakes_everybody() {
    let queue = Arc::new(Queue::new(1));
    let long = Duration::from_secs(60);
    let (sender, receiver) = channel();
    let taker = {
        let (queue, sender) = (Arc::clone(&queue), sender);
        thread::spawn(move || {
            assert_eq!(queue.take_batch(8, long), [1]);
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
    let taker = thread::spawn(move || own.take_batch(100, Duration::from_secs(60)));
    queue.put(1, SHORT).unwrap();
    queue.put_urgent(2, SHORT).unwrap();
    let begun = Instant::now();
    let mut taken = taker.join().unwrap();
    // The first may have been alone when the taker looked; then it waits for more, and the second ends that.
    taken.extend(std::iter::from_fn(|| queue.take_now()));
    assert_eq!(taken, [1, 2]);
    assert!(begun.elapsed() < Duration::from_secs(30));
}
