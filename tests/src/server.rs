//! A running server and requests to it.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    deadline::{Deadline, LONGEST_WAIT},
    messages,
};

/// A server on a port of its own. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    log: PathBuf,
    pub http: reqwest::Client,
}

impl Server {
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let stderr = File::create(log).expect("a log can be written");
        let mut process = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("the program can be started");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("the program speaks UTF-8");
        let http = reqwest::Client::builder().no_proxy().timeout(LONGEST_WAIT).build().expect("a client can be made");
        let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let mut server = Self { process, address: String::new(), log: log.to_owned(), http };
        match address {
            Some(address) => server.address = address,
            None => panic!("the server did not start: {}", server.log()),
        }
        server
    }

    /// Sends a key with all further requests.
    pub fn show(&mut self, key: &str) {
        let mut headers = reqwest::header::HeaderMap::new();
        let value = format!("Bearer {key}").parse().expect("a key fits into a header");
        headers.insert(reqwest::header::AUTHORIZATION, value);
        let http = reqwest::Client::builder().no_proxy().timeout(LONGEST_WAIT).default_headers(headers).build();
        self.http = http.expect("a client can be made");
    }

    /// The log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Stops it with SIGTERM, as a service manager does. Returns the exit status.
    pub fn stop(self) -> Option<i32> {
        self.terminate();
        self.wait()
    }

    /// Waits until it has ended. Returns the exit status.
    pub fn wait(mut self) -> Option<i32> {
        self.process.wait().expect("it can be waited for").code()
    }

    /// Sends SIGTERM and does not wait.
    pub fn terminate(&self) {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status().expect("kill can be started");
        assert!(status.success());
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it can be waited for");
    }

    /// The ID of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The peak of its memory so far, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).expect("it runs");
        let peak = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).expect("it is listed");
        peak.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// The whole response to a query.
    pub async fn answer(&self, query: &str, variables: Value) -> Value {
        let request = self.http.post(self.url("/graphql")).json(&json!({ "query": query, "variables": variables }));
        let response = request.send().await.unwrap_or_else(|error| panic!("{error}: {}", self.log()));
        response.json().await.expect("answers are JSON")
    }

    /// The data of a response, which must have no errors.
    #[track_caller]
    pub fn ask(&self, query: &str, variables: Value) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let mut answer = self.answer(query, variables).await;
            assert_eq!(answer.get("errors"), None, "asked at {caller}");
            answer["data"].take()
        }
    }

    /// The error codes of a response.
    pub async fn codes(&self, query: &str, variables: Value) -> Vec<String> {
        let answer = self.answer(query, variables).await;
        let errors = answer["errors"].as_array().cloned().unwrap_or_default();
        for error in &errors {
            assert_ne!(error["message"].as_str().unwrap_or_default(), "", "an error says what is wrong");
        }
        errors.iter().map(|it| it["extensions"]["code"].as_str().unwrap_or("none").to_owned()).collect()
    }

    /// Ingests messages in the form of files. Returns their results.
    pub async fn ingest(&self, messages: &[Value]) -> Vec<Value> {
        let inputs: Vec<Value> = messages.iter().map(messages::input).collect();
        let mut data = self.ask(messages::INGEST, json!({ "messages": inputs })).await;
        match data["ingest"]["results"].take() {
            Value::Array(results) => results,
            other => panic!("the results are {other}"),
        }
    }

    /// All unified IDs of the customer list, newest activity first.
    pub async fn unified_ids(&self) -> Vec<String> {
        let query = "query($after: String) {
            profiles(first: 200, after: $after) { nodes { unifiedId } pageInfo { hasNextPage endCursor } }
        }";
        let mut ids = Vec::new();
        let mut after = Value::Null;
        let deadline = Deadline::new("the last page of the list");
        loop {
            deadline.check(&after);
            let page = &self.ask(query, json!({ "after": after })).await["profiles"];
            let nodes = page["nodes"].as_array().expect("nodes are a list");
            ids.extend(nodes.iter().filter_map(|it| it["unifiedId"].as_str()).map(str::to_owned));
            if page["pageInfo"]["hasNextPage"] != true {
                return ids;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }

    /// Fields of all customers as of a date, by unified ID.
    pub async fn customers(&self, as_of: &str, fields: &str) -> BTreeMap<String, Value> {
        const AT_ONCE: usize = 10;
        let mut customers = BTreeMap::new();
        for ids in self.unified_ids().await.chunks(AT_ONCE) {
            let asked: Vec<String> = ids
                .iter()
                .enumerate()
                .map(|(n, id)| {
                    format!("p{n}: profile(by: {{ unifiedId: \"{id}\" }}, asOf: \"{as_of}\") {{ ...Fields }}")
                })
                .collect();
            let query = format!("{{ {} }} fragment Fields on Profile {{ {fields} }}", asked.join("\n"));
            let mut data = self.ask(&query, Value::Null).await;
            customers.extend(ids.iter().enumerate().map(|(n, id)| (id.clone(), data[format!("p{n}")].take())));
        }
        customers
    }

    /// All fields of all customers as of a date.
    pub async fn everything(&self, as_of: &str) -> BTreeMap<String, Value> {
        self.customers(as_of, EVERYTHING).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if it has ended already.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

const EVERYTHING: &str = "
    id unifiedId supersededIds revision asOf
    basic {
        avatar { letter color } name platforms deviceCount phone email gender birthDate age ageGroup membershipLevel recentArea
    }
    identifiers { kind value unifiedId firstSeenAt lastSeenAt sources shared retiredAt }
    recentDevice { deviceId }
    devices {
        deviceId model os osVersion browser browserVersion carrier language timeZone country region city area libraryPlatform
        libraryVersion shared lastUsedAt
    }
    attributes {
        name standard value rule observedAt source identifier { value } others { value observedAt source identifier { value } }
    }
    consents { channel granted observedAt source }
    activity { firstAccessAt lastActivityAt eventCount sessionCount lastUpdatedAt }
    purchases {
        currency currencies windows { months from to count amount average } peakWeekday peakHour firstPurchaseDate
        lastPurchaseDate refundCount refundAmount
        topCategories(months: 12, first: 10) { rank key name units orders amount lastPurchasedAt }
        topProducts(months: 12, first: 10) { rank key name units orders amount lastPurchasedAt }
    }
    graph {
        identifiers { value } links { a { value } b { value } firstSeenAt lastSeenAt count sources }
        withheld { link { a { value } b { value } } reason detail } bridges { link { a { value } b { value } } leaving { value } }
    }
    timeline(first: 200) { edges { cursor node { messageId name at source platform identifier { value } properties } } }
";
