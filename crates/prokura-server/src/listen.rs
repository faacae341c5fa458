//! The accept loop: one port, HTTP/1.1 and HTTP/2, with or without TLS.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Either;
use hyper::{body::Incoming, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::Instant,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    app::App,
    at_once::{Begun, Together},
    grpc::{CallBody, Straight},
    limits::{HEAD_BYTES_MAX, HEAD_WAIT_MAX, IDLE_MAX, STREAMS_MAX},
    routes,
};

/// How often numbers are taken together that would else take more and more memory, if nobody collects them.
const SUMMED_UP_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct Listening {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) router: Router,
    pub(crate) straight: Arc<Straight>,
    pub(crate) app: Arc<App>,
    pub(crate) connections: usize,
    pub(crate) grace: Duration,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// Accepts until told to stop, then waits for what is in flight. The answer: how many connections were cut off.
pub(crate) async fn run(listening: Listening) -> usize {
    let Listening { listener, tls, router, straight, app, connections, grace, mut stopping } = listening;
    let acceptor = tls.map(TlsAcceptor::from);
    let places = Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)));
    let mut open = JoinSet::new();
    let mut summing_up = tokio::time::interval(SUMMED_UP_EVERY);
    loop {
        // Without a place, a connection waits in the system's queue, where it costs nothing.
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => break,
            Some(_) = open.join_next() => continue,
            _ = summing_up.tick() => {
                app.telemetry().sum_up();
                continue;
            }
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        let connection = Connection {
            router: router.clone(),
            straight: Arc::clone(&straight),
            app: Arc::clone(&app),
            stopping: stopping.clone(),
        };
        let (acceptor, app) = (acceptor.clone(), Arc::clone(&app));
        open.spawn(async move {
            let _place = place;
            let _counted = app.telemetry().connection();
            match acceptor {
                None => connection.serve(stream).await,
                Some(acceptor) => {
                    if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_WAIT_MAX, acceptor.accept(stream)).await {
                        connection.serve(stream).await;
                    }
                }
            }
        });
    }
    drop(listener);
    finish(open, grace).await
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Answers are small and wait for nothing, so nothing is gained by collecting them.
            let _ = stream.set_nodelay(true);
            Some((stream, place))
        }
        Err(error) => {
            // Out of file descriptors, usually: a pause instead of a busy loop.
            tracing::warn!(%error, "accepting a connection failed");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn finish(mut open: JoinSet<()>, grace: Duration) -> usize {
    let all = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, all).await.is_ok() {
        return 0;
    }
    let cut_off = open.len();
    open.shutdown().await;
    cut_off
}

struct Connection {
    router: Router,
    straight: Arc<Straight>,
    app: Arc<App>,
    stopping: watch::Receiver<bool>,
}

impl Connection {
    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(mut self, stream: S) {
        let activity = Arc::new(Activity::new());
        let Self { router, straight, app, .. } = &self;
        let (router, straight, app) = (TowerToHyperService::new(router.clone()), Arc::clone(straight), Arc::clone(app));
        let counted = Arc::clone(&activity);
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let busy = Activity::begin(&counted);
            let way = match straight.answer(request) {
                Ok(call) => Way::Call(call),
                Err(request) => match routes::evaluation_straight(&app, request) {
                    Ok(evaluation) => Way::Evaluation(Box::pin(evaluation)),
                    Err(request) => Way::Router(Box::pin(router.call(request))),
                },
            };
            async move {
                let response = match way {
                    Way::Call(call) => call.await.map(Either::Right),
                    Way::Evaluation(evaluation) => evaluation.await.map(Either::Left),
                    Way::Router(answer) => answer.await?.map(Either::Left),
                };
                Ok::<_, Infallible>(response.map(|body| Sent::hold(busy, body)))
            }
        });
        let begun = Begun::default();
        let builder = builder(begun.clone());
        let connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut together = Together::new(connection, begun);
        let mut told = false;
        loop {
            tokio::select! {
                // What goes wrong on a connection is the caller's, and it is gone; there is nobody to tell.
                _ = &mut together => return,
                _ = self.stopping.wait_for(|stop| *stop), if !told => {
                    told = true;
                    together.connection().as_mut().graceful_shutdown();
                }
                () = activity.quiet() => {
                    if told || !activity.served_any() {
                        return;
                    }
                    told = true;
                    together.connection().as_mut().graceful_shutdown();
                }
            }
        }
    }
}

fn builder(requests: Begun) -> auto::Builder<Begun> {
    let mut builder = auto::Builder::new(requests);
    builder
        .http1()
        .timer(TokioTimer::new())
        // What is slow to begin is found by its [`Activity`], which costs no timer a request.
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// Whether anything goes on on a connection, and since when nothing does.
struct Activity {
    begun: Instant,
    busy: AtomicUsize,
    served: AtomicBool,
    /// Milliseconds from the beginning until the last answer was out.
    quiet_since: AtomicU64,
}

struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.quiet_since.store(now, Ordering::Release);
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Which way a request goes. What takes more room than a call is kept elsewhere: each request is moved a few times.
enum Way<C, E, R> {
    Call(C),
    Evaluation(E),
    Router(R),
}

/// What is sent back. What is at hand whole needs nothing to be kept; a body of unknown length, which may be silent for as
/// long as it likes, keeps the connection busy until its end.
struct Sent {
    body: Either<Body, CallBody>,
    _busy: Option<Busy>,
}

impl Sent {
    fn hold(busy: Busy, body: Either<Body, CallBody>) -> Self {
        let _busy = body.size_hint().exact().is_none().then_some(busy);
        Self { body, _busy }
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Activity {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            busy: AtomicUsize::new(0),
            served: AtomicBool::new(false),
            quiet_since: AtomicU64::new(0),
        }
    }

    fn begin(this: &Arc<Self>) -> Busy {
        this.busy.fetch_add(1, Ordering::AcqRel);
        this.served.store(true, Ordering::Release);
        Busy(Arc::clone(this))
    }

    fn served_any(&self) -> bool {
        self.served.load(Ordering::Acquire)
    }

    /// Ends when nothing went on for too long. A connection that has not said anything yet gets less time.
    ///
    /// Nobody wakes it: whatever goes on can only put the end off, so looking again when it would have come is enough.
    async fn quiet(&self) {
        loop {
            let allowed = if self.served_any() { IDLE_MAX } else { HEAD_WAIT_MAX };
            let until = if self.busy.load(Ordering::Acquire) > 0 {
                Instant::now() + allowed
            } else {
                self.begun + Duration::from_millis(self.quiet_since.load(Ordering::Acquire)) + allowed
            };
            if Instant::now() >= until {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}
