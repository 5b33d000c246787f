//! Values of every type, bound in every way and read back.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use scylla::value::{
    CqlDate, CqlDecimal, CqlDuration, CqlTime, CqlTimestamp, CqlTimeuuid, CqlValue, CqlVarint, MaybeUnset, Unset,
};
use scylla::{DeserializeValue, SerializeRow, SerializeValue};

use crate::checks::Outcome;
use crate::Suite;

fn decimal(digits: &[u8], scale: i32) -> CqlValue {
    CqlValue::Decimal(CqlDecimal::from_signed_be_bytes_and_exponent(digits.to_vec(), scale))
}

fn varint(digits: &[u8]) -> CqlValue {
    CqlValue::Varint(CqlVarint::from_signed_bytes_be(digits.to_vec()))
}

fn duration(months: i32, days: i32, nanoseconds: i64) -> CqlValue {
    CqlValue::Duration(CqlDuration { months, days, nanoseconds })
}

fn text(value: &str) -> CqlValue {
    CqlValue::Text(value.to_string())
}

fn inet(value: &str) -> CqlValue {
    CqlValue::Inet(value.parse::<IpAddr>().unwrap())
}

/// Type by type; the last value is no empty one.
fn scalar_values() -> Vec<(&'static str, Vec<CqlValue>)> {
    use CqlValue::*;
    let mut huge = vec![1];
    huge.extend([0; 25]);
    vec![
        ("ascii", vec![Ascii(String::new()), Ascii("plain".to_string())]),
        ("bigint", vec![BigInt(i64::MIN), BigInt(i64::MAX)]),
        ("blob", vec![Blob(vec![]), Blob(vec![0, 255])]),
        ("boolean", vec![Boolean(true), Boolean(false)]),
        ("date", vec![Date(CqlDate(0)), Date(CqlDate((1 << 31) - 1)), Date(CqlDate(u32::MAX))]),
        ("decimal", vec![decimal(&[0], 0), decimal(&[1], -20), decimal(&[0xff, 0x6a], 2)]),
        ("double", vec![Double(1.5), Double(-0.0), Double(f64::MAX), Double(f64::NEG_INFINITY)]),
        ("float", vec![Float(0.5), Float(-3.25), Float(f32::MIN_POSITIVE)]),
        ("inet", vec![inet("127.0.0.1"), inet("2001:db8::1")]),
        ("int", vec![Int(i32::MIN), Int(i32::MAX)]),
        ("smallint", vec![SmallInt(i16::MIN), SmallInt(i16::MAX)]),
        ("text", vec![text(""), text("häß, 日本 '😀'")]),
        ("time", vec![Time(CqlTime(0)), Time(CqlTime(86_399_999_999_999))]),
        ("timestamp", vec![Timestamp(CqlTimestamp(-1)), Timestamp(CqlTimestamp(1_714_979_289_123))]),
        ("timeuuid", vec![Timeuuid(CqlTimeuuid::from(uuid::Uuid::now_v1(&[1, 2, 3, 4, 5, 6])))]),
        ("tinyint", vec![TinyInt(i8::MIN), TinyInt(i8::MAX)]),
        ("uuid", vec![Uuid(uuid::Uuid::new_v4())]),
        ("varchar", vec![text("v")]),
        ("varint", vec![varint(&[0]), varint(&[0xff, 0x7f]), varint(&huge)]),
        ("duration", vec![duration(14, 3, 5), duration(-1, -2, -3)]),
    ]
}

pub async fn scalars(suite: &Suite) -> Outcome {
    for (name, values) in scalar_values() {
        suite
            .run(&[&format!(
                "CREATE TABLE shop.s_{name} (id int PRIMARY KEY, v {name}, l list<{name}>, x vector<{name}, 2>)"
            )])
            .await?;
        let insert =
            suite.session.prepare(format!("INSERT INTO shop.s_{name} (id, v, l, x) VALUES (?, ?, ?, ?)")).await?;
        let select = suite.session.prepare(format!("SELECT v, l, x FROM shop.s_{name} WHERE id = ?")).await?;
        // The driver takes an empty last element of a vector for none.
        let last = values.last().ok_or("no value")?;
        for (id, value) in values.iter().enumerate() {
            let (two, vector) = (vec![value, value], vec![value, last]);
            suite.session.execute_unpaged(&insert, (id as i32, value, &two, &vector)).await?;
            let found = suite.session.execute_unpaged(&select, (id as i32,)).await?.into_rows_result()?;
            let (one, list, elements) = found.single_row::<(CqlValue, Vec<CqlValue>, Vec<CqlValue>)>()?;
            assert_eq!(&one, value, "{name}");
            assert_eq!(list.iter().collect::<Vec<_>>(), two, "{name}");
            assert_eq!(elements.iter().collect::<Vec<_>>(), vector, "{name}");
        }
        suite.session.execute_unpaged(&insert, (-1, None::<CqlValue>, None::<Vec<CqlValue>>, Unset)).await?;
        let found = suite.session.execute_unpaged(&select, (-1,)).await?.into_rows_result()?;
        let nothing = found.single_row::<(Option<CqlValue>, Option<Vec<CqlValue>>, Option<Vec<CqlValue>>)>()?;
        assert_eq!(nothing, (None, None, None));
    }
    Ok(())
}

pub async fn keys(suite: &Suite) -> Outcome {
    for (name, values) in scalar_values().into_iter().filter(|(name, _)| *name != "duration") {
        suite.run(&[&format!("CREATE TABLE shop.k_{name} (a {name}, b {name}, v int, PRIMARY KEY (a, b))")]).await?;
        let key = values.last().ok_or("no value")?;
        for (number, value) in values.iter().enumerate() {
            suite
                .execute(&format!("INSERT INTO shop.k_{name} (a, b, v) VALUES (?, ?, ?)"), (key, value, number as i32))
                .await?;
        }
        for (number, value) in values.iter().enumerate() {
            let select = format!("SELECT a, v FROM shop.k_{name} WHERE a = ? AND b = ?");
            let found = suite.row::<(CqlValue, i32)>(&select, (key, value)).await?;
            assert_eq!(found, (key.clone(), number as i32), "{name}");
        }
    }
    Ok(())
}

type Deep = Vec<Vec<BTreeSet<i32>>>;

pub async fn nested_collections(suite: &Suite) -> Outcome {
    suite
        .run(&["CREATE TABLE shop.nested (id int PRIMARY KEY, l list<int>, m map<text, int>, lm list<frozen<map<int, text>>>,
            ms map<text, frozen<set<int>>>, f frozen<list<frozen<list<frozen<set<int>>>>>>)"])
        .await?;
    let ages = BTreeMap::from([("k".to_string(), 1), ("j".to_string(), 2)]);
    let maps = vec![BTreeMap::from([(1, "x".to_string())]), BTreeMap::new()];
    let sets = BTreeMap::from([("one".to_string(), BTreeSet::from([1])), ("two".to_string(), BTreeSet::from([2, 3]))]);
    let deep: Deep = vec![vec![BTreeSet::from([1, 2]), BTreeSet::new()], vec![]];
    let values = (vec![3, 1, 3], ages, maps, sets, deep);
    suite.execute("INSERT INTO shop.nested (id, l, m, lm, ms, f) VALUES (1, ?, ?, ?, ?, ?)", &values).await?;
    type Found = (Vec<i32>, BTreeMap<String, i32>, Vec<BTreeMap<i32, String>>, BTreeMap<String, BTreeSet<i32>>, Deep);
    assert_eq!(suite.row::<Found>("SELECT l, m, lm, ms, f FROM shop.nested", ()).await?, values);
    suite.run(&["UPDATE shop.nested SET l = l + [4], l[0] = 0, m['n'] = 3 WHERE id = 1"]).await?;
    let more = BTreeMap::from([("three", vec![3])]);
    suite.execute("UPDATE shop.nested SET ms = ms + ? WHERE id = 1", (more,)).await?;
    let found = suite.row::<(Vec<i32>, i32, Vec<i32>)>("SELECT l, m['n'], ms['three'] FROM shop.nested", ()).await?;
    assert_eq!(found, (vec![0, 1, 3, 4], 3, vec![3]));
    Ok(())
}

#[derive(Clone, Debug, DeserializeValue, PartialEq, SerializeValue)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Clone, Debug, DeserializeValue, PartialEq, SerializeValue)]
struct Line {
    name: Option<String>,
    points: Vec<Point>,
}

pub async fn tuples_and_user_types(suite: &Suite) -> Outcome {
    suite
        .run(&[
            "CREATE TYPE shop.point (x int, y int)",
            "CREATE TYPE shop.line (name text, points frozen<list<frozen<point>>>)",
            "CREATE TABLE shop.shapes (id int PRIMARY KEY, f frozen<line>, u line, t tuple<int, text, frozen<point>>)",
        ])
        .await?;
    let line = Line { name: Some("diagonal".to_string()), points: vec![Point { x: 0, y: 0 }, Point { x: 1, y: 1 }] };
    let tuple = (Some(7), None::<String>, Some(Point { x: 7, y: 7 }));
    suite.execute("INSERT INTO shop.shapes (id, f, u, t) VALUES (1, ?, ?, ?)", (&line, &line, &tuple)).await?;
    type Found = (Line, Line, (Option<i32>, Option<String>, Option<Point>));
    assert_eq!(suite.row::<Found>("SELECT f, u, t FROM shop.shapes", ()).await?, (line.clone(), line, tuple));
    suite.run(&["UPDATE shop.shapes SET u.name = 'other' WHERE id = 1"]).await?;
    assert_eq!(suite.row::<(String,)>("SELECT u.name FROM shop.shapes", ()).await?.0, "other");
    // What was written before a type had a field has none.
    suite.run(&["ALTER TYPE shop.line ADD colour text"]).await?;
    let CqlValue::UserDefinedType { fields, .. } = suite.row::<(CqlValue,)>("SELECT u FROM shop.shapes", ()).await?.0
    else {
        return Err("no user type".into());
    };
    assert_eq!((fields[0].1.clone(), fields[2].clone()), (Some(text("other")), ("colour".to_string(), None)));
    Ok(())
}

pub async fn vectors(suite: &Suite) -> Outcome {
    suite
        .run(&["CREATE TABLE shop.vectors (id int PRIMARY KEY, f vector<float, 3>, wide vector<float, 1536>, t vector<text, 2>,
            l vector<frozen<list<int>>, 2>, v vector<vector<float, 2>, 2>)"])
        .await?;
    let wide: Vec<f32> = (0..1536).map(|i| (i as f32).sin()).collect();
    let values = (
        vec![1f32, 2.5, -3.0],
        wide,
        vec![String::new(), "häß".to_string()],
        vec![vec![1, 2, 3], vec![4]],
        vec![vec![1f32, 2.0], vec![3.0, 4.0]],
    );
    suite.execute("INSERT INTO shop.vectors (id, f, wide, t, l, v) VALUES (1, ?, ?, ?, ?, ?)", &values).await?;
    type Found = (Vec<f32>, Vec<f32>, Vec<String>, Vec<Vec<i32>>, Vec<Vec<f32>>);
    assert_eq!(suite.row::<Found>("SELECT f, wide, t, l, v FROM shop.vectors", ()).await?, values);
    Ok(())
}

#[derive(SerializeRow)]
struct Mark<'text> {
    b: MaybeUnset<Option<&'text str>>,
    id: i32,
    a: MaybeUnset<Option<&'text str>>,
}

pub async fn binds(suite: &Suite) -> Outcome {
    suite.run(&["CREATE TABLE shop.marks (id int PRIMARY KEY, a text, b text)"]).await?;
    let insert = "INSERT INTO shop.marks (id, a, b) VALUES (:id, :a, :b)";
    use MaybeUnset::{Set, Unset};
    suite.execute(insert, Mark { id: 1, a: Set(Some("kept")), b: Set(Some("old")) }).await?;
    suite.execute(insert, Mark { id: 1, a: Unset, b: Set(Some("new")) }).await?;
    suite.execute(insert, Mark { id: 2, a: Set(Some("gone")), b: Set(None) }).await?;
    suite.execute("INSERT INTO shop.marks (id, a) VALUES (:id, :a) USING TIMESTAMP :t", (3, "timed", 1234i64)).await?;
    let select = "SELECT a, b FROM shop.marks WHERE id = :id";
    let found = suite.row::<(Option<String>, Option<String>)>(select, HashMap::from([("id", 1)])).await?;
    assert_eq!(found, (Some("kept".to_string()), Some("new".to_string())));
    let found = suite.row::<(Option<String>, Option<String>)>(select, (2,)).await?;
    assert_eq!(found, (Some("gone".to_string()), None));
    assert_eq!(suite.row::<(i64,)>("SELECT writetime(a) FROM shop.marks WHERE id = 3", ()).await?.0, 1234);
    assert_eq!(suite.rows::<(i32,)>("SELECT id FROM shop.marks WHERE id IN ?", (vec![1, 2, 9],)).await?.len(), 2);
    assert_eq!(suite.rows::<(i32,)>("SELECT id FROM shop.marks LIMIT ?", (2,)).await?.len(), 2);
    // The driver prepares what has values.
    let found = suite.session.query_unpaged("SELECT a FROM shop.marks WHERE id = ?", (3,)).await?.into_rows_result()?;
    assert_eq!(found.single_row::<(String,)>()?.0, "timed");
    Ok(())
}

pub async fn prepared_metadata(suite: &Suite) -> Outcome {
    let select = suite
        .session
        .prepare("SELECT b, id AS key, ttl(a) FROM shop.marks WHERE a = :wanted AND id = ? ALLOW FILTERING")
        .await?;
    let bound: Vec<_> = select.get_variable_col_specs().iter().map(|spec| spec.name().to_string()).collect();
    assert_eq!(bound, ["wanted", "id"]);
    let found: Vec<_> = select
        .get_current_result_set_col_specs()
        .get()
        .iter()
        .map(|spec| format!("{} {:?}", spec.name(), spec.typ()))
        .collect();
    assert_eq!(found, ["b Native(Text)", "key Native(Int)", "ttl(a) Native(Int)"]);
    assert_eq!((select.get_keyspace_name(), select.get_table_name()), (Some("shop"), Some("marks")));
    assert_eq!(select.get_variable_pk_indexes().len(), 1);
    assert_eq!(select.get_variable_pk_indexes()[0].index, 1);
    Ok(())
}

pub async fn keyspace_of_a_session(suite: &Suite) -> Outcome {
    let other = suite.builder().use_keyspace("shop", false).build().await?;
    let found = other.query_unpaged("SELECT a FROM marks WHERE id = 1", ()).await?.into_rows_result()?;
    assert_eq!(found.single_row::<(String,)>()?.0, "kept");
    other.use_keyspace("system", true).await?;
    let found = other.query_unpaged("SELECT key FROM local", ()).await?.into_rows_result()?;
    assert_eq!(found.single_row::<(String,)>()?.0, "local");
    assert!(other.use_keyspace("nowhere", true).await.is_err());
    Ok(())
}

pub async fn large_values(suite: &Suite) -> Outcome {
    suite.run(&["CREATE TABLE shop.large (id int PRIMARY KEY, b blob, m map<int, text>)"]).await?;
    let mut state = 7u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    })
    .take(3_000_000)
    .collect();
    let many: BTreeMap<i32, String> = (0..20_000).map(|i| (i, format!("value {i}"))).collect();
    for length in [0, 131_071, 131_072, noise.len()] {
        suite
            .execute("INSERT INTO shop.large (id, b, m) VALUES (?, ?, ?)", (length as i32, &noise[..length], &many))
            .await?;
        let (found,) = suite.row::<(Vec<u8>,)>("SELECT b FROM shop.large WHERE id = ?", (length as i32,)).await?;
        assert!(found == noise[..length], "{length} bytes went, {} came back", found.len());
    }
    assert_eq!(suite.row::<(BTreeMap<i32, String>,)>("SELECT m FROM shop.large WHERE id = 0", ()).await?.0, many);
    Ok(())
}
