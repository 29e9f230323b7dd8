//! The bot's place in the measurement: a closed loop over one or many
//! connections.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::order::{Kind, Orders, whole};

/// What one load run saw.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Seen {
    /// Orders that the venue's place answered with 200.
    pub(crate) accepted: u64,
    /// Anything else.
    pub(crate) refused: u64,
    /// The first refusal, for the person who reads it.
    pub(crate) first_refusal: String,
    /// How long it took, seconds.
    pub(crate) seconds: f64,
    /// Latency at 50, 99 and 99.9 per cent, µs.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

/// `load --address A --key K --secret S --run NAME --seconds F --connections N
/// [--lists] [--pause-ms N]`
pub(crate) fn run(value: &dyn Fn(&str) -> Option<String>) -> Result<(), crate::Failure> {
    let address = value("--address").ok_or("no --address")?;
    let prefix = value("--prefix").unwrap_or_default();
    let key = value("--key").ok_or("no --key")?;
    let secret = value("--secret").ok_or("no --secret")?;
    let run = value("--run").ok_or("no --run")?;
    let time = Duration::from_secs_f64(value("--seconds").ok_or("no --seconds")?.parse()?);
    let connections: usize = value("--connections").ok_or("no --connections")?.parse()?;
    let kind = if value("--lists").is_some() { Kind::List } else { Kind::Order };
    let pause = value("--pause-ms").map(|text| text.parse()).transpose()?;
    let pause = pause.map(Duration::from_millis);
    let mut tally = Tally::default();
    let start = Instant::now();
    if connections == 1 {
        let orders = Orders::new(&key, &secret, &address, &prefix, &run).of(kind);
        one(&mut tally, &address, orders, time, pause)?;
    } else {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut loops = tokio::task::JoinSet::new();
            for number in 0..connections {
                let orders =
                    Orders::new(&key, &secret, &address, &prefix, &format!("{run}{number}"));
                loops.spawn(many(address.clone(), orders, time));
            }
            while let Some(ended) = loops.join_next().await {
                tally.add(ended??);
            }
            Ok::<(), crate::Failure>(())
        })?;
    }
    println!("{}", serde_json::to_string(&tally.seen(start.elapsed()))?);
    Ok(())
}

#[derive(Default)]
struct Tally {
    latencies: Vec<u32>,
    refused: u64,
    first_refusal: String,
}

impl Tally {
    fn count(&mut self, status: u16, answer: &[u8], took: Duration) {
        if status == 200 {
            self.latencies.push(u32::try_from(took.as_nanos()).unwrap_or(u32::MAX));
        } else {
            if self.refused == 0 {
                self.first_refusal = String::from_utf8_lossy(answer).into_owned();
            }
            self.refused += 1;
        }
    }

    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.refused += other.refused;
        if self.first_refusal.is_empty() {
            self.first_refusal = other.first_refusal;
        }
    }

    fn seen(mut self, time: Duration) -> Seen {
        self.latencies.sort_unstable();
        let at = |per_mille: usize| {
            let index = self.latencies.len().saturating_sub(1) * per_mille / 1000;
            self.latencies.get(index).map_or(f64::NAN, |ns| f64::from(*ns) / 1000.0)
        };
        Seen {
            accepted: self.latencies.len() as u64,
            refused: self.refused,
            first_refusal: self.first_refusal.clone(),
            seconds: time.as_secs_f64(),
            p50: at(500),
            p99: at(990),
            p999: at(999),
        }
    }
}

/// One connection, blocking: nothing between the clock and the socket.
fn one(
    tally: &mut Tally,
    address: &str,
    mut orders: Orders,
    time: Duration,
    pause: Option<Duration>,
) -> Result<(), crate::Failure> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let (mut request, mut buffer, mut chunk) = (Vec::new(), Vec::new(), [0_u8; 8192]);
    let end = Instant::now() + time;
    while Instant::now() < end {
        orders.next(&mut request);
        let start = Instant::now();
        stream.write_all(&request)?;
        let message = loop {
            if let Some(message) = whole(&buffer, true)? {
                break message;
            }
            let read = stream.read(&mut chunk)?;
            if read == 0 {
                return Err("the other side closed the connection".into());
            }
            buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        };
        tally.count(message.status, &buffer, start.elapsed());
        buffer.drain(..message.length);
        if let Some(pause) = pause {
            std::thread::sleep(pause);
        }
    }
    Ok(())
}

async fn many(
    address: String,
    mut orders: Orders,
    time: Duration,
) -> Result<Tally, crate::Failure> {
    let mut tally = Tally::default();
    let mut stream = tokio::net::TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let (mut request, mut buffer) = (Vec::new(), Vec::with_capacity(8192));
    let end = Instant::now() + time;
    while Instant::now() < end {
        orders.next(&mut request);
        let start = Instant::now();
        stream.write_all(&request).await?;
        let message = loop {
            if let Some(message) = whole(&buffer, true)? {
                break message;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err("the other side closed the connection".into());
            }
        };
        tally.count(message.status, &buffer, start.elapsed());
        buffer.drain(..message.length);
    }
    Ok(tally)
}
