//! Application clients: each reads and writes at a steady rate through its own connection and
//! names only the columns that its version of the application knows.
//!
//! Half of the clients send plain statements, half prepare theirs once. They know nothing of zdm
//! and are given no special treatment. Next: [`super::ledger`] remembers what they were told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::MissedTickBehavior};

use crate::{
    db::{DbError, Failure, Session, Target, Value, bind, get},
    demo::{
        DemoError,
        latency::{Outcome, Recorder},
        ledger::{Known, Ledger},
        people,
    },
};

/// A version of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Application {
    /// It knows the column by its old name.
    Old,
    /// It knows the column by its new name.
    New,
}

impl Application {
    fn column(self) -> &'static str {
        match self {
            Self::Old => "name",
            Self::New => "full_name",
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

/// What all clients share.
#[derive(Debug)]
pub(super) struct World {
    /// The database.
    pub(super) target: Target,
    /// The rows that are there from the start: 1 to this.
    pub(super) rows: u64,
    /// How often each client sends a request.
    pub(super) every: Duration,
    /// What was acknowledged.
    pub(super) ledger: Ledger,
    /// What was experienced.
    pub(super) recorder: Recorder,
}

/// The running clients of one application.
#[derive(Debug)]
pub(super) struct Clients {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
}

impl Clients {
    /// Connects so many clients and lets them work.
    pub(super) async fn start(
        world: &Arc<World>,
        application: Application,
        count: u32,
        seed: u64,
    ) -> Result<Self, DemoError> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for number in 1..=count {
            let protocol = if number % 2 == 0 {
                Protocol::Prepared
            } else {
                Protocol::Simple
            };
            let mut client = Client {
                session: open(&world.target, application, protocol).await?,
                world: Arc::clone(world),
                application,
                number,
                protocol,
                sent: 0,
                rng: fastrand::Rng::with_seed(seed.wrapping_add(u64::from(number))),
            };
            let stop = Arc::clone(&stop);
            tasks.spawn(async move { client.work(&stop).await });
        }
        Ok(Self { tasks, stop })
    }

    /// Lets each client end its request, and waits for all of them.
    pub(super) async fn stop(mut self) -> Result<(), DemoError> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.map_err(|error| DemoError::Client(error.to_string()))?;
        }
        Ok(())
    }
}

/// How a client sends its statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// As text, planned each time.
    Simple,
    /// Prepared once, then executed.
    Prepared,
}

struct Client {
    session: Session,
    world: Arc<World>,
    application: Application,
    number: u32,
    protocol: Protocol,
    sent: u64,
    rng: fastrand::Rng,
}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    Read,
    Update,
    Insert,
}

impl Client {
    async fn work(&mut self, stop: &AtomicBool) {
        let world = Arc::clone(&self.world);
        // Clients do not all send at the same moment.
        tokio::time::sleep(world.every.mul_f64(self.rng.f64())).await;
        let mut ticks = tokio::time::interval(world.every);
        // A request that was held up is followed by those that were due meanwhile.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut free = Instant::now();
        loop {
            let due = ticks.tick().await.into_std();
            if stop.load(Ordering::Relaxed) {
                return;
            }
            // What waits because the one before it takes long counts from when it was due.
            let since = if free > due { due } else { Instant::now() };
            let stage = world.recorder.stage();
            let outcome = match self.request().await {
                Ok(None) => Outcome::Good(since.elapsed()),
                Ok(Some(wrong)) => Outcome::Wrong(since.elapsed(), wrong),
                Err(error) => Outcome::Failed(self.failed(&error).await),
            };
            world.recorder.count(stage, outcome);
            free = Instant::now();
        }
    }

    /// The failure in words. After a broken connection a new one is opened.
    async fn failed(&mut self, error: &DbError) -> String {
        if error.failure() == Failure::ConnectionLost {
            match open(&self.world.target, self.application, self.protocol).await {
                Ok(session) => self.session = session,
                // The next request fails too, and is counted.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        let state = error.sqlstate.as_deref().unwrap_or("no connection");
        format!(
            "{} client {}: {} ({state})",
            self.application.as_str(),
            self.number,
            error.message
        )
    }

    /// One request; what was wrong with the answer, if anything was.
    async fn request(&mut self) -> Result<Option<String>, DbError> {
        let request = match self.rng.u32(0..10) {
            0..=5 => Request::Read,
            6..=8 => Request::Update,
            _ => Request::Insert,
        };
        if request == Request::Insert {
            return self.insert().await.map(|()| None);
        }
        let world = Arc::clone(&self.world);
        let claim = loop {
            // Every fourth request goes to one of few rows, so that old and new clients meet.
            let rows = if self.rng.u32(0..4) == 0 {
                world.rows.min(200)
            } else {
                world.rows
            };
            let id = i64::try_from(self.rng.u64(1..=rows)).unwrap_or(1);
            if let Some(claim) = world.ledger.claim(id) {
                break claim;
            }
        };
        if request == Request::Read {
            let result = self.read(claim.id, &claim.known).await;
            let known = claim.known.clone();
            world.ledger.give_back(&claim, known);
            return result;
        }
        let value = self.new_value();
        match self.update(claim.id, &value).await {
            Ok(touched) => {
                let wrong = (touched != 1)
                    .then(|| format!("an update of row {} touched {touched} rows", claim.id));
                world.ledger.acknowledged(claim.id, value);
                Ok(wrong)
            }
            Err(error) => {
                world.ledger.give_back(&claim, Known::Uncertain);
                Err(error)
            }
        }
    }

    async fn read(&mut self, id: i64, known: &Known) -> Result<Option<String>, DbError> {
        let column = self.application.column();
        let sql = match self.protocol {
            Protocol::Simple => bind(
                &format!("SELECT {column}, email FROM users WHERE id = $1"),
                &[Value::Int(id)],
            ),
            Protocol::Prepared => bind("EXECUTE read_user ($1)", &[Value::Int(id)]),
        };
        let row = self.session.row(&sql).await?;
        let found = row
            .map(|row| get::<Option<String>>(&row, 0))
            .transpose()?
            .flatten();
        let expected = match known {
            Known::Initial => people::name(id),
            Known::Written(value) => value.clone(),
            Known::Uncertain => return Ok(None),
        };
        Ok((found.as_ref() != Some(&expected)).then(|| {
            format!("{column} of row {id} read as {found:?}, and {expected:?} was acknowledged")
        }))
    }

    async fn update(&mut self, id: i64, value: &str) -> Result<u64, DbError> {
        let values = [value.into(), Value::Int(id)];
        let sql = match self.protocol {
            Protocol::Simple => {
                let column = self.application.column();
                bind(
                    &format!("UPDATE users SET {column} = $1 WHERE id = $2"),
                    &values,
                )
            }
            Protocol::Prepared => bind("EXECUTE write_user ($1, $2)", &values),
        };
        self.session.run(&sql).await
    }

    async fn insert(&mut self) -> Result<(), DbError> {
        let value = self.new_value();
        let team = i64::from(self.rng.u32(1..=100));
        let email = format!("{}{}@example.net", self.application.as_str(), self.sent);
        let values = [(&value).into(), (&email).into(), Value::Int(team)];
        let sql = match self.protocol {
            Protocol::Simple => {
                let column = self.application.column();
                bind(
                    &format!(
                        "INSERT INTO users ({column}, email, team_id) VALUES ($1, $2, $3) RETURNING id"
                    ),
                    &values,
                )
            }
            Protocol::Prepared => bind("EXECUTE add_user ($1, $2, $3)", &values),
        };
        let id = self.session.value::<i64>(&sql).await?;
        self.world.ledger.acknowledged(id, value);
        Ok(())
    }

    /// A value that no other write has.
    fn new_value(&mut self) -> String {
        self.sent += 1;
        let id = i64::from(self.rng.u32(..));
        format!(
            "{} ({} {}.{})",
            people::name(id),
            self.application.as_str(),
            self.number,
            self.sent
        )
    }
}

/// A connection as an application has it.
async fn open(
    target: &Target,
    application: Application,
    protocol: Protocol,
) -> Result<Session, DbError> {
    let mut session = Session::open(target, "demo client").await?;
    // The backfill makes way for applications, and it knows zdm's own sessions by their name.
    let name = application.as_str();
    session
        .run(&format!(
            "SET application_name = '{name} application'; SET row_security = on"
        ))
        .await?;
    if protocol == Protocol::Prepared {
        let column = application.column();
        session
            .run(&format!(
                "PREPARE read_user (bigint) AS SELECT {column}, email FROM users WHERE id = $1; \
                 PREPARE write_user (text, bigint) AS UPDATE users SET {column} = $1 WHERE id = $2; \
                 PREPARE add_user (text, text, integer) AS INSERT INTO users ({column}, email, team_id) \
                 VALUES ($1, $2, $3) RETURNING id"
            ))
            .await?;
    }
    Ok(session)
}
