//! ScyllaDB's Rust driver: what an application does with it. usage: suite PORT COMPRESSION
mod checks;
mod life;
mod schema;
mod search;
mod statements;
mod values;

use std::num::NonZeroUsize;
use std::time::Duration;

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::client::{Compression, PoolSize};
use scylla::deserialize::row::DeserializeRow;
use scylla::response::query_result::QueryResult;
use scylla::serialize::row::SerializeRow;

use checks::{passes, Failure};

/// One session, and where to open more.
pub struct Suite {
    port: u16,
    compression: Option<Compression>,
    pub session: Session,
}

pub fn builder(port: u16, compression: Option<Compression>) -> SessionBuilder {
    SessionBuilder::new()
        .known_node(format!("127.0.0.1:{port}"))
        .compression(compression)
        .pool_size(PoolSize::PerHost(NonZeroUsize::new(1).unwrap()))
        .cluster_metadata_refresh_interval(Duration::from_secs(2))
}

impl Suite {
    pub fn builder(&self) -> SessionBuilder {
        builder(self.port, self.compression)
    }

    /// Executes each as it stands.
    pub async fn run(&self, statements: &[&str]) -> Result<(), Failure> {
        for statement in statements {
            self.session.query_unpaged(*statement, ()).await?;
        }
        Ok(())
    }

    /// Prepares and executes.
    pub async fn execute(&self, statement: &str, values: impl SerializeRow) -> Result<QueryResult, Failure> {
        let prepared = self.session.prepare(statement).await?;
        Ok(self.session.execute_unpaged(&prepared, values).await?)
    }

    /// All rows that a prepared statement finds.
    pub async fn rows<R>(&self, statement: &str, values: impl SerializeRow) -> Result<Vec<R>, Failure>
    where
        R: for<'frame> DeserializeRow<'frame, 'frame>,
    {
        let found = self.execute(statement, values).await?.into_rows_result()?;
        let rows = found.rows::<R>()?.collect::<Result<Vec<R>, _>>()?;
        Ok(rows)
    }

    /// The only row.
    pub async fn row<R>(&self, statement: &str, values: impl SerializeRow) -> Result<R, Failure>
    where
        R: for<'frame> DeserializeRow<'frame, 'frame>,
    {
        Ok(self.rows(statement, values).await?.pop().ok_or("no row")?)
    }
}

macro_rules! failures {
    ($suite:ident, $($name:literal => $check:path),* $(,)?) => {
        [$(passes($name, $check(&$suite)).await),*].iter().filter(|passed| !**passed).count()
    };
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let port = arguments[1].parse()?;
    let compression = match arguments[2].as_str() {
        "lz4" => Some(Compression::Lz4),
        "snappy" => Some(Compression::Snappy),
        _ => None,
    };
    let session = builder(port, compression).build().await?;
    let suite = Suite { port, compression, session };
    suite
        .run(&["CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"])
        .await?;
    let failed = failures!(suite,
        "connection and cluster" => schema::cluster,
        "keyspace" => schema::keyspace,
        "table" => schema::table,
        "user types" => schema::user_types,
        "tokens and replicas" => schema::tokens,
        "a description recreates the schema" => schema::description_recreates,
        "changes are seen" => schema::changes,
        "every scalar there and back" => values::scalars,
        "every scalar as a key" => values::keys,
        "collections in collections" => values::nested_collections,
        "tuples and user types" => values::tuples_and_user_types,
        "vectors of every element" => values::vectors,
        "named, unset and null" => values::binds,
        "metadata of a prepared statement" => values::prepared_metadata,
        "keyspace of a session" => values::keyspace_of_a_session,
        "large values both ways" => values::large_values,
        "paging" => statements::paging,
        "a page resumed by another session" => statements::page_resumed,
        "batches" => statements::batches,
        "counters" => statements::counters,
        "conditional statements" => statements::conditional,
        "conditional batches" => statements::conditional_batches,
        "timestamps and time to live" => statements::timestamps,
        "consistencies" => statements::consistencies,
        "tracing" => statements::tracing,
        "errors by class" => statements::errors,
        "secondary indexes" => search::secondary_indexes,
        "nearest neighbours" => search::nearest_neighbours,
        "warnings" => search::warnings,
        "JSON" => search::json,
        "aggregates and aliases" => search::aggregates,
        "256 requests in flight on one connection" => life::many_in_flight,
        "speculative executions" => life::speculative_executions,
        "a prepared statement sees columns added" => life::columns_added,
        "a prepared statement outlives its table" => life::table_dropped,
        "a restart under an open session" => life::restart,
        "no acknowledged write is lost by a crash" => life::crash,
    );
    std::process::exit(if failed == 0 { 0 } else { 1 })
}
