//! What the driver knows of the cluster and of the schema.
use std::collections::BTreeMap;

use scylla::cluster::metadata::{ColumnKind, Strategy, Table};

use crate::checks::{eventually, holds, Outcome};
use crate::Suite;

const SHOP: &[&str] = &[
    "CREATE TYPE shop.place (street text, numbers frozen<list<int>>)",
    "CREATE TYPE shop.person (name text, homes frozen<map<text, frozen<place>>>)",
    "CREATE TABLE shop.orders (region text, customer int, day date, seq int, note text static, buyer frozen<person>,
         target place, tags set<text>, parts map<text, frozen<list<int>>>, size tuple<int, text>, look vector<float, 3>,
         total decimal, \"MixedCase\" text, span duration, PRIMARY KEY ((region, customer), day, seq))
         WITH CLUSTERING ORDER BY (day DESC, seq ASC) AND comment = 'it''s orders'",
    "CREATE TABLE shop.counts (id int PRIMARY KEY, n counter)",
    "CREATE INDEX by_total ON shop.orders (total)",
    "CREATE INDEX by_tags ON shop.orders (tags) USING 'sai'",
    "CREATE CUSTOM INDEX by_look ON shop.orders (look) USING 'StorageAttachedIndex'
         WITH OPTIONS = {'similarity_function': 'euclidean'}",
];

fn table_of(suite: &Suite, name: &str) -> Option<Table> {
    suite.session.get_cluster_state().get_keyspace("shop")?.tables.get(name).cloned()
}

pub async fn cluster(suite: &Suite) -> Outcome {
    let state = suite.session.get_cluster_state();
    let (name, host) = suite.row::<(String, uuid::Uuid)>("SELECT cluster_name, host_id FROM system.local", ()).await?;
    assert_eq!(state.cluster_name(), name);
    let nodes = state.get_nodes_info();
    assert_eq!(nodes.len(), 1);
    assert_eq!(nodes[0].host_id, host);
    assert_eq!(nodes[0].datacenter.as_deref(), Some("datacenter1"));
    assert_eq!(nodes[0].rack.as_deref(), Some("rack1"));
    holds(nodes[0].is_connected(), "a node that serves is connected")
}

pub async fn keyspace(suite: &Suite) -> Outcome {
    suite.run(SHOP).await?;
    let state = suite.session.get_cluster_state();
    let keyspace = state.get_keyspace("shop").ok_or("no keyspace")?;
    assert!(matches!(keyspace.strategy, Strategy::SimpleStrategy { replication_factor: 1 }));
    assert!(keyspace.durable_writes && !keyspace.tablet_based && keyspace.views.is_empty());
    let mut names: Vec<_> = keyspace.tables.keys().collect();
    names.sort();
    assert_eq!(names, ["counts", "orders"]);
    Ok(())
}

fn columns_of(table: &Table) -> BTreeMap<String, String> {
    table.columns.iter().map(|(name, column)| (name.clone(), format!("{:?} {:?}", column.kind, column.typ))).collect()
}

pub async fn table(suite: &Suite) -> Outcome {
    let orders = table_of(suite, "orders").ok_or("no table")?;
    assert_eq!(orders.partition_key, ["region", "customer"]);
    assert_eq!(orders.clustering_key, ["day", "seq"]);
    let columns = columns_of(&orders);
    assert_eq!(columns.len(), 14);
    for (name, wanted) in [
        ("region", "PartitionKey Native(Text)"),
        ("seq", "Clustering Native(Int)"),
        ("note", "Static Native(Text)"),
        ("tags", "Regular Collection { frozen: false, typ: Set(Native(Text)) }"),
        (
            "parts",
            "Regular Collection { frozen: false, typ: Map(Native(Text), Collection { frozen: true, typ: List(Native(Int)) }) }",
        ),
        ("size", "Regular Tuple([Native(Int), Native(Text)])"),
        ("look", "Regular Vector { typ: Native(Float), dimensions: 3 }"),
        ("total", "Regular Native(Decimal)"),
        ("MixedCase", "Regular Native(Text)"),
        ("span", "Regular Native(Duration)"),
    ] {
        assert_eq!(columns[name], wanted, "{name}");
    }
    assert!(columns["buyer"].starts_with("Regular UserDefinedType { frozen: true"), "{}", columns["buyer"]);
    assert!(columns["target"].starts_with("Regular UserDefinedType { frozen: false"), "{}", columns["target"]);
    let counts = table_of(suite, "counts").ok_or("no table")?;
    assert!(matches!(counts.columns["n"].kind, ColumnKind::Regular));
    assert_eq!(columns_of(&counts)["n"], "Regular Native(Counter)");
    Ok(())
}

pub async fn user_types(suite: &Suite) -> Outcome {
    let state = suite.session.get_cluster_state();
    let types = &state.get_keyspace("shop").ok_or("no keyspace")?.user_defined_types;
    let place: Vec<_> = types["place"].field_types.iter().map(|(name, typ)| format!("{name} {typ:?}")).collect();
    assert_eq!(place, ["street Native(Text)", "numbers Collection { frozen: true, typ: List(Native(Int)) }"]);
    assert_eq!(types["person"].field_types.len(), 2);
    Ok(())
}

pub async fn tokens(suite: &Suite) -> Outcome {
    suite.run(&["CREATE TABLE shop.placed (a text, b int, v int, PRIMARY KEY ((a, b)))"]).await?;
    let insert = suite.session.prepare("INSERT INTO shop.placed (a, b, v) VALUES (?, ?, 0)").await?;
    assert!(insert.is_token_aware());
    let state = suite.session.get_cluster_state();
    for text in ["", "x", "häß, 日本", "a longer text that fills more than one block of the hash"] {
        let key = (text, text.len() as i32);
        suite.session.execute_unpaged(&insert, key).await?;
        let (told,) = suite.row::<(i64,)>("SELECT token(a, b) FROM shop.placed WHERE a = ? AND b = ?", key).await?;
        assert_eq!(state.compute_token("shop", "placed", &key)?.value(), told);
        let token = insert.calculate_token(&key)?.ok_or("no token")?;
        assert_eq!(token.value(), told);
        assert_eq!(state.get_token_endpoints("shop", "placed", token).len(), 1);
    }
    Ok(())
}

type Told = (String, String, String, String);

pub async fn description_recreates(suite: &Suite) -> Outcome {
    let mut told = suite.rows::<Told>("DESCRIBE KEYSPACE shop", ()).await?;
    let before = columns_of(&table_of(suite, "orders").ok_or("no table")?);
    suite.run(&["DROP KEYSPACE shop"]).await?;
    assert!(suite.session.get_cluster_state().get_keyspace("shop").is_none());
    for (_, _, _, statement) in &told {
        suite.run(&[statement]).await?;
    }
    let mut again = suite.rows::<Told>("DESCRIBE KEYSPACE shop", ()).await?;
    told.sort();
    again.sort();
    assert_eq!(again, told);
    assert_eq!(columns_of(&table_of(suite, "orders").ok_or("no table")?), before);
    Ok(())
}

/// One's own at once, those of others after a while.
pub async fn changes(suite: &Suite) -> Outcome {
    let other = suite.builder().build().await?;
    suite.run(&["ALTER TABLE shop.orders ADD extra frozen<set<int>>", "ALTER TYPE shop.place ADD zip int"]).await?;
    let seen = |table: Option<Table>| table.is_some_and(|table| table.columns.contains_key("extra"));
    assert!(seen(table_of(suite, "orders")));
    eventually(|| async {
        other.refresh_metadata().await?;
        let state = other.get_cluster_state();
        let keyspace = state.get_keyspace("shop").ok_or("no keyspace")?;
        holds(seen(keyspace.tables.get("orders").cloned()), "no column")?;
        holds(keyspace.user_defined_types["place"].field_types.len() == 3, "no field")
    })
    .await?;
    suite.run(&["ALTER TABLE shop.orders DROP extra", "DROP TABLE shop.counts"]).await?;
    assert!(!seen(table_of(suite, "orders")));
    assert!(table_of(suite, "counts").is_none());
    assert!(other.check_schema_agreement().await?.is_some());
    Ok(())
}
