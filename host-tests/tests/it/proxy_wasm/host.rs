//! A Proxy-Wasm host (ABI 0.2.1): the functions that the filter calls, with Envoy's behaviour.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ccs_modules_host::artifacts;
use wasmtime::{
    Caller, Engine, Extern, Instance, Linker, Memory, Module, Store, WasmParams, WasmResults,
};

/// The filter, configured.
pub struct Filter {
    instance: Instance,
    store: Store<State>,
}

/// The outcome of a request in the filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    Answered(Response),
    /// Passed on to the next filter.
    PassedOn,
    /// Reset, without an answer.
    Reset,
}

/// A local response, as the client sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub status: u32,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// The upstream's reaction to a call.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The proxy makes no call.
    Refused(Status),
    /// The proxy reports no header fields: the answer broke off.
    BrokenOff,
    /// Answers, with these header fields.
    Answers(Headers, Vec<u8>),
}

pub type Headers = Vec<(String, Vec<u8>)>;

type Upstream = Box<dyn FnMut(&Headers) -> Reply + Send>;

/// The ABI's status codes.
#[derive(Clone, Copy, Debug)]
pub enum Status {
    Ok = 0,
    NotFound = 1,
    BadArgument = 2,
    CasMismatch = 8,
    InternalFailure = 10,
}

impl Filter {
    /// Loads the filter with a configuration. Returns the filter's log if it refuses the
    /// configuration.
    pub fn load(configuration: &str) -> Result<Self, String> {
        Self::load_with(
            configuration,
            State { now: Duration::from_secs(1_000_000), ..State::default() },
        )
    }

    /// Loads the filter once more, as another worker of the same proxy does at this moment.
    pub fn load_beside(&self, configuration: &str) -> Result<Self, String> {
        let State { shared, now, .. } = self.store.data();
        let state = State { shared: shared.clone(), now: *now, ..State::default() };
        Self::load_with(configuration, state)
    }

    fn load_with(configuration: &str, state: State) -> Result<Self, String> {
        let mut store = Store::new(module().engine(), state);
        let instance = linker().instantiate(&mut store, module()).expect("the filter loads");
        let mut filter = Self { instance, store };
        let state = filter.store.data_mut();
        (state.stream, state.configuration) = (ROOT, configuration.into());
        filter.call::<(), ()>("_initialize", ROOT, ());
        filter.call::<(u32, u32), ()>("proxy_on_context_create", ROOT, (ROOT, 0));
        filter.call::<(u32, u32), u32>("proxy_on_vm_start", ROOT, (ROOT, 0));
        let bytes = u32::try_from(configuration.len()).unwrap();
        match filter.call::<(u32, u32), u32>("proxy_on_configure", ROOT, (ROOT, bytes)) {
            0 => Err(filter.store.data().log.join("\n")),
            _ => Ok(filter),
        }
    }

    /// Sets the upstream's reaction, by the path of the call.
    pub fn set_upstream(&mut self, mut upstream: impl FnMut(&str) -> Reply + Send + 'static) {
        self.set_cluster(move |headers| upstream(field(headers, ":path")));
    }

    /// Sets the upstream's reaction, by the header fields of the call.
    pub fn set_cluster(&mut self, cluster: impl FnMut(&Headers) -> Reply + Send + 'static) {
        self.store.data_mut().upstream = Some(Box::new(cluster));
    }

    /// Takes a request through the filter.
    pub fn request(&mut self, headers: &[(&str, &[u8])]) -> Fate {
        let stream = self.begin(headers);
        if let Some(call) = self.store.data_mut().calls.pop_front() {
            self.reply(call);
        }
        self.end(stream);
        let fate = self.take_fate(stream).expect("the request hangs");
        match fate {
            Fate::Answered(response) => {
                let head = headers.contains(&(":method", b"HEAD".as_slice()));
                Fate::Answered(response.sent(head))
            }
            fate => fate,
        }
    }

    /// Takes a request through the filter whose client disconnects while the upstream is asked.
    /// Like Envoy, the host then cancels only the calls of the request's context.
    pub fn disconnected_request(&mut self, headers: &[(&str, &[u8])]) {
        let stream = self.begin(headers);
        self.end(stream);
        let call = self.store.data_mut().calls.pop_front().expect("the upstream is asked");
        if call.context == ROOT {
            self.reply(call);
        }
        assert_eq!(self.take_fate(stream), None, "a response that nobody waits for");
    }

    /// Lets time pass, in steps of the filter's tick period, and delivers each reply at once.
    pub fn pass(&mut self, time: Duration) {
        let end = self.store.data().now + time;
        while self.pass_to_tick(end) {
            self.deliver();
        }
    }

    /// Lets time pass up to the next tick, without delivering a reply. Returns whether there was one
    /// before this moment.
    pub fn pass_to_tick(&mut self, end: Duration) -> bool {
        let state = self.store.data_mut();
        let left = end.saturating_sub(state.now);
        if state.tick_period.is_none() || state.until_tick > left {
            state.until_tick = state.until_tick.saturating_sub(left);
            state.now += left;
            return false;
        }
        state.now += state.until_tick;
        state.ticks += 1;
        self.call::<u32, ()>("proxy_on_tick", ROOT, ROOT);
        let state = self.store.data_mut();
        state.until_tick = state.tick_period.unwrap_or_default();
        true
    }

    /// Delivers the outstanding replies, and the replies to the calls that the filter then makes.
    pub fn deliver(&mut self) {
        while let Some(call) = self.store.data_mut().calls.pop_front() {
            self.reply(call);
        }
    }

    /// The number of calls to the upstream that have no reply yet.
    pub fn open_calls(&self) -> usize {
        self.store.data().calls.len()
    }

    /// Takes the outcome of a request that has begun, if there is one yet.
    pub fn take_fate(&mut self, stream: u32) -> Option<Fate> {
        self.store.data_mut().fates.remove(&stream)
    }

    /// The time of the proxy.
    pub fn now(&self) -> Duration {
        self.store.data().now
    }

    /// Sets the clock of the proxy.
    pub fn set_now(&mut self, now: Duration) {
        self.store.data_mut().now = now;
    }

    /// The number of ticks so far.
    pub fn ticks(&self) -> usize {
        self.store.data().ticks
    }

    /// The sizes of the values that workers share.
    pub fn shared_sizes(&self) -> Vec<usize> {
        let shared = self.store.data().shared.lock().unwrap();
        shared.values().map(|(value, _)| value.len()).collect()
    }

    /// Returns the size of the longest value that this worker has read or written among those that workers
    /// share, since the last call.
    pub fn take_longest_copy(&mut self) -> usize {
        mem::take(&mut self.store.data_mut().longest_copy)
    }

    /// The header fields of the latest request to the upstream.
    pub fn asked(&self) -> &Headers {
        &self.store.data().asked
    }

    /// The lines that the filter has logged.
    pub fn log(&self) -> &[String] {
        &self.store.data().log
    }

    /// The value of a counter or gauge.
    pub fn counter(&mut self, name: &str) -> i64 {
        let found = self.counters().into_iter().find(|(counter, _)| *counter == name);
        found.map_or(0, |(_, value)| value)
    }

    /// The counters and gauges that are not zero, without the prefix of their names, and their values.
    pub fn counters(&mut self) -> Vec<(&str, i64)> {
        // The filter adds its counts up until the next tick, or until its end is announced.
        self.call::<u32, u32>("proxy_on_done", ROOT, ROOT);
        let counters = self.store.data().counters.iter().filter(|(_, value)| *value > 0);
        counters
            .map(|(name, value)| (name.strip_prefix("ccs_modules.").expect("the prefix"), *value))
            .collect()
    }

    /// The size of the filter's memory.
    pub fn memory_bytes(&mut self) -> usize {
        self.instance.get_memory(&mut self.store, "memory").unwrap().data_size(&self.store)
    }

    /// Lets a request into the filter, which may pause it. Returns its stream.
    pub fn begin(&mut self, headers: &[(&str, &[u8])]) -> u32 {
        const CONTINUE: u32 = 0;
        let owned = |(name, value): &(&str, &[u8])| (name.to_string(), value.to_vec());
        let state = self.store.data_mut();
        state.stream += 1;
        state.request = headers.iter().map(owned).collect();
        state.open.push(state.stream);
        let (context, fields) = (state.stream, u32::try_from(headers.len()).unwrap());

        self.call::<(u32, u32), ()>("proxy_on_context_create", context, (context, ROOT));
        let action = self.call::<(u32, u32, u32), u32>(
            "proxy_on_request_headers",
            context,
            (context, fields, 1),
        );
        if action == CONTINUE {
            let earlier = self.store.data_mut().fates.insert(context, Fate::PassedOn);
            assert_eq!(earlier, None, "answered and passed on");
        }
        context
    }

    fn reply(&mut self, Call { context, token, headers, body, .. }: Call) {
        let sizes = (u32::try_from(headers.len()).unwrap(), u32::try_from(body.len()).unwrap());
        let state = self.store.data_mut();
        (state.reply_headers, state.reply_body) = (headers, body);
        self.call::<(u32, u32, u32, u32, u32), ()>(
            "proxy_on_http_call_response",
            context,
            (context, token, sizes.0, sizes.1, 0),
        );
    }

    /// Ends a request, as if its client has left or has its response.
    pub fn end(&mut self, context: u32) {
        self.store.data_mut().open.retain(|open| *open != context);
        self.call::<u32, u32>("proxy_on_done", context, context);
        self.call::<u32, ()>("proxy_on_delete", context, context);
    }

    /// Calls the filter in a context. A trap fails the test.
    fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
        context: u32,
        parameters: P,
    ) -> R {
        self.store.data_mut().context = context;
        let function = self.instance.get_typed_func::<P, R>(&mut self.store, name).unwrap();
        function
            .call(&mut self.store, parameters)
            .unwrap_or_else(|error| panic!("{name}: {error:?}"))
    }
}

/// The context of the plugin.
const ROOT: u32 = 1;

#[derive(Default)]
struct State {
    configuration: Vec<u8>,
    log: Vec<String>,
    upstream: Option<Upstream>,
    /// The context of the latest request.
    stream: u32,
    /// The effective context: the called one, or the one that the filter has set.
    context: u32,
    request: Headers,
    /// The requests that have not ended.
    open: Vec<u32>,
    /// The calls to the upstream that have no reply yet.
    calls: VecDeque<Call>,
    tokens: u32,
    asked: Headers,
    /// The counters and gauges, by number.
    counters: Vec<(String, i64)>,
    /// The data that workers share, each value with its version.
    shared: Arc<Mutex<HashMap<String, SharedValue>>>,
    now: Duration,
    tick_period: Option<Duration>,
    until_tick: Duration,
    ticks: usize,
    longest_copy: usize,
    reply_headers: Headers,
    reply_body: Vec<u8>,
    /// The outcomes of the requests, by their streams.
    fates: HashMap<u32, Fate>,
}

impl State {
    fn copies(&mut self, bytes: usize) {
        self.longest_copy = self.longest_copy.max(bytes);
    }
}

/// A value that workers share, and its version.
type SharedValue = (Vec<u8>, u32);

/// A call to the upstream, and its reply.
#[derive(Debug, PartialEq)]
struct Call {
    /// The context that made the call. The call ends with it.
    context: u32,
    token: u32,
    asked: Headers,
    headers: Headers,
    body: Vec<u8>,
}

impl Response {
    /// The local response as Envoy sends it: without a body, the fields that describe it are
    /// removed, and HEAD gets no body.
    fn sent(mut self, head: bool) -> Self {
        if self.body.is_empty() {
            let of_a_body = ["content-length", "content-type"];
            self.headers.retain(|(name, _)| !of_a_body.contains(&name.as_str()));
        }
        if head {
            self.body.clear();
        }
        self
    }
}

fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| Module::new(&Engine::default(), &artifacts::PROXY_WASM.wasm).unwrap())
}

/// The host's functions, by the names and with the parameters of the ABI.
fn linker() -> Linker<State> {
    const REQUEST_HEADERS: u32 = 0;
    const REPLY_HEADERS: u32 = 6;
    const REPLY_BODY: u32 = 4;
    const CONFIGURATION: u32 = 7;
    const COUNTER: u32 = 0;
    const GAUGE: u32 = 1;
    type Host<'a> = Caller<'a, State>;

    fn map(state: &State, kind: u32) -> &Headers {
        match kind {
            REQUEST_HEADERS => &state.request,
            REPLY_HEADERS => &state.reply_headers,
            _ => panic!("a map that the filter does not need"),
        }
    }

    let mut linker = Linker::new(module().engine());
    let env = "env";
    linker
        .func_wrap(env, "proxy_log", |mut host: Host<'_>, _level: u32, at: u32, bytes: u32| {
            let text = String::from_utf8(read(&mut host, at, bytes)).unwrap();
            host.data_mut().log.push(text);
            Status::Ok as u32
        })
        .unwrap()
        .func_wrap(
            env,
            "proxy_get_buffer_bytes",
            |mut host: Host<'_>, kind: u32, start: u32, most: u32, to: u32, to_size: u32| {
                let buffer = match kind {
                    CONFIGURATION => &host.data().configuration,
                    REPLY_BODY => &host.data().reply_body,
                    _ => panic!("a buffer that the filter does not need"),
                };
                let rest = &buffer[start as usize..];
                let data = rest[..rest.len().min(most as usize)].to_vec();
                give(&mut host, &data, to, to_size)
            },
        )
        .unwrap()
        .func_wrap(
            env,
            "proxy_get_header_map_pairs",
            |mut host: Host<'_>, kind: u32, to: u32, to_size: u32| {
                let data = pairs(map(host.data(), kind));
                give(&mut host, &data, to, to_size)
            },
        )
        .unwrap()
        .func_wrap(
            env,
            "proxy_get_header_map_value",
            |mut host: Host<'_>, kind: u32, at: u32, bytes: u32, to: u32, to_size: u32| {
                let name = String::from_utf8(read(&mut host, at, bytes)).unwrap();
                let found = map(host.data(), kind).iter().find(|(found, _)| *found == name);
                match found.map(|(_, value)| value.clone()) {
                    Some(value) => give(&mut host, &value, to, to_size),
                    None => Status::NotFound as u32,
                }
            },
        )
        .unwrap()
        .func_wrap(
            env,
            "proxy_http_call",
            |mut host: Host<'_>,
             _cluster: u32,
             _cluster_size: u32,
             headers: u32,
             headers_size: u32,
             _body: u32,
             _body_size: u32,
             _trailers: u32,
             _trailers_size: u32,
             timeout: u32,
             to: u32| {
                assert!(timeout > 0, "a call that may take for ever");
                let headers = from_pairs(&read(&mut host, headers, headers_size));
                let state = host.data_mut();
                state.asked = headers.clone();
                let upstream = state.upstream.as_mut().expect("an upstream");
                let asked = headers;
                let (headers, body) = match upstream(&asked) {
                    Reply::Answers(headers, body) => (headers, body),
                    Reply::BrokenOff => Default::default(),
                    Reply::Refused(status) => return status as u32,
                };
                state.tokens += 1;
                let (context, token) = (state.context, state.tokens);
                assert!(!state.calls.iter().any(|call| call.asked == asked), "asked twice");
                state.calls.push_back(Call { context, token, asked, headers, body });
                write(&mut host, to, &token.to_le_bytes());
                Status::Ok as u32
            },
        )
        .unwrap()
        .func_wrap(
            env,
            "proxy_send_local_response",
            |mut host: Host<'_>,
             status: u32,
             _details: u32,
             _details_size: u32,
             body: u32,
             body_size: u32,
             headers: u32,
             headers_size: u32,
             _grpc_status: i32| {
                let response = Response {
                    status,
                    headers: from_pairs(&read(&mut host, headers, headers_size)),
                    body: read(&mut host, body, body_size),
                };
                let state = host.data_mut();
                assert!(state.open.contains(&state.context), "a response in another context");
                let earlier = state.fates.insert(state.context, Fate::Answered(response));
                assert_eq!(earlier, None, "answered twice");
                Status::Ok as u32
            },
        )
        .unwrap()
        .func_wrap(env, "proxy_close_stream", |mut host: Host<'_>, _kind: u32| {
            let state = host.data_mut();
            state.fates.insert(state.context, Fate::Reset);
            Status::Ok as u32
        })
        .unwrap()
        .func_wrap(env, "proxy_set_effective_context", |mut host: Host<'_>, context: u32| {
            host.data_mut().context = context;
            Status::Ok as u32
        })
        .unwrap()
        .func_wrap(
            env,
            "proxy_define_metric",
            |mut host: Host<'_>, kind: u32, name: u32, name_size: u32, to: u32| {
                assert!([COUNTER, GAUGE].contains(&kind));
                let name = String::from_utf8(read(&mut host, name, name_size)).unwrap();
                let counters = &mut host.data_mut().counters;
                let id = u32::try_from(counters.len()).unwrap();
                counters.push((name, 0));
                write(&mut host, to, &id.to_le_bytes());
                Status::Ok as u32
            },
        )
        .unwrap()
        .func_wrap(env, "proxy_increment_metric", |mut host: Host<'_>, id: u32, by: i64| {
            host.data_mut().counters[id as usize].1 += by;
            Status::Ok as u32
        })
        .unwrap()
        .func_wrap(env, "proxy_record_metric", |mut host: Host<'_>, id: u32, value: i64| {
            host.data_mut().counters[id as usize].1 = value;
            Status::Ok as u32
        })
        .unwrap()
        .func_wrap(env, "proxy_get_current_time_nanoseconds", |mut host: Host<'_>, to: u32| {
            let now = u64::try_from(host.data().now.as_nanos()).unwrap();
            write(&mut host, to, &now.to_le_bytes());
            Status::Ok as u32
        })
        .unwrap()
        .func_wrap(env, "proxy_set_tick_period_milliseconds", |mut host: Host<'_>, period: u32| {
            let state = host.data_mut();
            state.until_tick = Duration::from_millis(period.into());
            state.tick_period = Some(state.until_tick);
            Status::Ok as u32
        })
        .unwrap()
        .func_wrap(
            env,
            "proxy_get_shared_data",
            |mut host: Host<'_>, key: u32, key_size: u32, to: u32, to_size: u32, to_cas: u32| {
                let key = String::from_utf8(read(&mut host, key, key_size)).unwrap();
                let found = host.data().shared.lock().unwrap().get(&key).cloned();
                let Some((value, version)) = found else { return Status::NotFound as u32 };
                host.data_mut().copies(value.len());
                write(&mut host, to_cas, &version.to_le_bytes());
                give(&mut host, &value, to, to_size)
            },
        )
        .unwrap()
        .func_wrap(
            env,
            "proxy_set_shared_data",
            |mut host: Host<'_>, key: u32, key_size: u32, value: u32, size: u32, cas: u32| {
                let key = String::from_utf8(read(&mut host, key, key_size)).unwrap();
                let value = read(&mut host, value, size);
                host.data_mut().copies(value.len());
                let mut shared = host.data().shared.lock().unwrap();
                let version = shared.get(&key).map(|(_, version)| *version);
                if cas != 0 && version.is_some_and(|version| version != cas) {
                    return Status::CasMismatch as u32;
                }
                shared.insert(key, (value, version.unwrap_or(0) + 1));
                Status::Ok as u32
            },
        )
        .unwrap()
        .func_wrap(
            "wasi_snapshot_preview1",
            "random_get",
            |mut host: Host<'_>, to: u32, bytes: u32| {
                let random: Vec<u8> = (0..bytes).map(|byte| (byte * 7) as u8).collect();
                write(&mut host, to, &random);
                0
            },
        )
        .unwrap()
        // The filter does not call the other imports of the SDK.
        .define_unknown_imports_as_traps(module())
        .unwrap();
    linker
}

/// Hands data to the filter, in memory that the filter allocates.
fn give(host: &mut Caller<'_, State>, data: &[u8], to: u32, to_size: u32) -> u32 {
    let size = u32::try_from(data.len()).unwrap();
    let Some(Extern::Func(malloc)) = host.get_export("malloc") else { panic!("no malloc") };
    let malloc = malloc.typed::<u32, u32>(&*host).unwrap();
    let at = if size > 0 { malloc.call(&mut *host, size).unwrap() } else { 0 };
    write(host, at, data);
    write(host, to, &at.to_le_bytes());
    write(host, to_size, &size.to_le_bytes());
    Status::Ok as u32
}

fn read(host: &mut Caller<'_, State>, at: u32, bytes: u32) -> Vec<u8> {
    let memory = memory(host);
    memory.data(host)[at as usize..][..bytes as usize].to_vec()
}

fn write(host: &mut Caller<'_, State>, at: u32, data: &[u8]) {
    let memory = memory(host);
    memory.data_mut(host)[at as usize..][..data.len()].copy_from_slice(data);
}

fn memory(host: &mut Caller<'_, State>) -> Memory {
    host.get_export("memory").and_then(Extern::into_memory).expect("a memory")
}

/// The value of a header field.
pub fn field<'a>(headers: &'a Headers, name: &str) -> &'a str {
    let found = headers.iter().find(|(found, _)| found == name);
    found.map_or("", |(_, value)| str::from_utf8(value).unwrap())
}

/// Header fields in the form of the ABI: their number, the sizes of each name and value, then each
/// name and value with a NUL after it.
fn pairs(headers: &Headers) -> Vec<u8> {
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let mut data = u32::try_from(headers.len()).unwrap().to_le_bytes().to_vec();
    for (name, value) in headers {
        data.extend(size(name.as_bytes()));
        data.extend(size(value));
    }
    for text in headers.iter().flat_map(|(name, value)| [name.as_bytes(), value]) {
        data.extend(text);
        data.push(0);
    }
    data
}

fn from_pairs(data: &[u8]) -> Headers {
    let size = |at: usize| u32::from_le_bytes(data[4 * at..][..4].try_into().unwrap()) as usize;
    let fields = size(0);
    let mut at = 4 + 8 * fields;
    let mut text = |size: usize| {
        let text = data[at..][..size].to_vec();
        at += size + 1;
        text
    };
    (0..fields)
        .map(|field| {
            let name = text(size(1 + 2 * field));
            (String::from_utf8(name).unwrap(), text(size(2 + 2 * field)))
        })
        .collect()
}
