//! Who writes, with which rights and settings, and past which triggers of their own.

use super::{PEOPLE, RENAME, both, each};
use crate::live::case::text;
use crate::support::server;

#[tokio::test]
async fn pitfall_03_a_search_path_decides_nothing() {
    let setup = "CREATE TABLE people (id bigint PRIMARY KEY, name text, other int);
        INSERT INTO people SELECT n, 'name ' || n FROM generate_series(1, 50) n;
        CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
        CREATE SCHEMA new;
        CREATE FUNCTION new.lying(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
        CREATE OPERATOR new.= (LEFTARG = text, RIGHTARG = text, FUNCTION = new.lying);
        CREATE OPERATOR new.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = new.lying);
        CREATE FUNCTION new.shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''wrong''';
        CREATE FUNCTION new.lower(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''wrong''';
        CREATE FUNCTION write(bigint, text) RETURNS void LANGUAGE sql SET search_path = new, pg_catalog
            AS 'UPDATE public.people SET name = $2 WHERE id OPERATOR(pg_catalog.=) $1';";
    each(setup, RENAME, async |case| {
        case.expand().await;
        let mut conn = case.db.connect().await;
        for path in ["new, public", "new, pg_catalog, public", "''"] {
            server::run(&mut conn, &format!("SET search_path = {path}")).await;
            server::run(
                &mut conn,
                "UPDATE public.people SET name = 'old' WHERE id OPERATOR(pg_catalog.=) 1;
                 UPDATE public.people SET full_name = 'new' WHERE id OPERATOR(pg_catalog.=) 2;
                 UPDATE public.people SET other = 1 WHERE id OPERATOR(pg_catalog.=) 3;
                 DELETE FROM public.people WHERE id OPERATOR(pg_catalog.<) 0;
                 INSERT INTO public.people (id, name) VALUES (-1, 'o');
                 INSERT INTO public.people (id, full_name) VALUES (-2, 'n');",
            )
            .await;
            for (id, expected) in [
                (1, "old|old"),
                (2, "new|new"),
                (3, "name 3|name 3"),
                (-1, "o|o"),
                (-2, "n|n"),
            ] {
                case.is(&both(id), expected).await;
            }
        }
        case.sql("SELECT write(4, 'function')").await;
        case.is(&both(4), "function|function").await;
    })
    .await;
    // An expression means what it meant to the migration.
    let migration = "ALTER TABLE people ADD COLUMN loud text;
        UPDATE people SET loud = shout(lower(name)); ALTER TABLE people DROP COLUMN name;";
    each(setup, migration, async |case| {
        case.migrate().await;
        let mut conn = case.db.connect().await;
        for path in ["new, public", "new, pg_catalog, public", "''"] {
            server::run(&mut conn, &format!("SET search_path = {path}")).await;
            server::run(
                &mut conn,
                "UPDATE public.people SET name = name || 'x' WHERE id = 1",
            )
            .await;
            case.is("SELECT loud = upper(name) FROM people WHERE id = 1", "true")
                .await;
        }
    })
    .await;
}

#[tokio::test]
async fn pitfall_04_replication_does_not_pass_the_triggers_by() {
    each(PEOPLE, RENAME, async |case| {
        case.expand().await;
        let mut conn = case.db.connect().await;
        server::run(
            &mut conn,
            "SET session_replication_role = replica;
             INSERT INTO people (id, name) VALUES (-1, 'o');
             INSERT INTO people (id, full_name) VALUES (-2, 'n');
             UPDATE people SET name = 'old' WHERE id = 1;
             UPDATE people SET other = 1 WHERE id = 2;",
        )
        .await;
        for (id, expected) in [
            (-1, "o|o"),
            (-2, "n|n"),
            (1, "old|old"),
            (2, "name 2|name 2"),
        ] {
            case.is(&both(id), expected).await;
        }
    })
    .await;
}

/// A user's BEFORE trigger that normalises the old column and notes what it saw.
fn with_trigger(name: &str, body: &str) -> String {
    format!(
        "{PEOPLE}
         ALTER TABLE people ADD COLUMN seen text;
         CREATE FUNCTION users() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN {body} RETURN NEW; END $f$;
         CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION users();"
    )
}

#[tokio::test]
async fn pitfall_05_a_users_trigger_that_fires_late_is_followed() {
    for name in ["\"0\"", "audit", "zzzz", "\"ZZZ\""] {
        let setup = with_trigger(name, "NEW.name := lower(NEW.name);");
        each(&setup, RENAME, async |case| {
            case.migrate().await;
            case.sql("INSERT INTO people (id, name) VALUES (-1, 'OLD')")
                .await;
            case.sql("INSERT INTO people (id, full_name) VALUES (-2, 'NEW')")
                .await;
            case.sql("UPDATE people SET name = 'Old' WHERE id = 1")
                .await;
            case.sql("UPDATE people SET full_name = 'New' WHERE id = 2")
                .await;
            for (id, expected) in [
                (-1, "old|old"),
                (-2, "new|new"),
                (1, "old|old"),
                (2, "new|new"),
            ] {
                case.is(&both(id), expected).await;
            }
            case.verify().await;
        })
        .await;
    }
    // Outside the pair nothing can be promised, and a column list would miss the new name.
    for name in ["\"!\"", "\"~\"", "zzzzz"] {
        let setup = with_trigger(name, "NEW.name := lower(NEW.name);");
        each(&setup, RENAME, async |case| {
            assert_eq!(case.refusal().await.rule, "trigger-order");
        })
        .await;
    }
    let setup = with_trigger("audit", "").replace("INSERT OR UPDATE", "UPDATE OF name");
    each(&setup, RENAME, async |case| {
        assert_eq!(case.refusal().await.rule, "cannot-move");
    })
    .await;
}

#[tokio::test]
async fn pitfall_05_the_backfill_follows_a_users_trigger_too() {
    // The rows are older than the trigger that would have normalised them.
    let setup = with_trigger("audit", "NEW.name := upper(NEW.name);");
    each(&setup, RENAME, async |case| {
        case.migrate().await;
        case.is(
            "SELECT count(*) FROM people WHERE name IS DISTINCT FROM full_name",
            "0",
        )
        .await;
        case.is(&both(1), "NAME 1|NAME 1").await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_06_an_unrelated_update_costs_no_call() {
    each(PEOPLE, RENAME, async |case| {
        case.migrate().await;
        let mut conn = case.db.connect().await;
        server::run(&mut conn, "SET track_functions = 'all'; BEGIN;").await;
        let calls = "SELECT coalesce(sum(calls), 0) FROM pg_stat_xact_user_functions WHERE schemaname = 'zdm'";
        server::run(&mut conn, "UPDATE people SET other = coalesce(other, 0) + 1; UPDATE people SET name = name, full_name = full_name;").await;
        assert_eq!(text(&mut conn, calls).await, "0");
        server::run(&mut conn, "UPDATE people SET name = 'x' WHERE id = 1").await;
        assert_eq!(text(&mut conn, calls).await, "2");
    })
    .await;
}

#[tokio::test]
async fn pitfall_49_a_trigger_in_between_reads_the_new_column() {
    // It knows both columns: the migration's own file replaced its function.
    let migration = "ALTER TABLE people RENAME COLUMN name TO full_name;";
    let setup = with_trigger("audit", "");
    let reads = "CREATE OR REPLACE FUNCTION users() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN \
        NEW.seen := concat(NEW.name, '/', NEW.full_name); RETURN NEW; END $f$";
    each(&setup, migration, async |case| {
        case.expand().await;
        case.sql(reads).await;
        let seen = |id: i32| format!("SELECT seen FROM people WHERE id = {id}");
        case.sql("INSERT INTO people (id, name) VALUES (-1, 'o'); INSERT INTO people (id, full_name) VALUES (-2, 'n')").await;
        case.is(&seen(-1), "o/o").await;
        case.is(&seen(-2), "n/n").await;
        case.sql("UPDATE people SET name = 'p' WHERE id = -2; UPDATE people SET full_name = 'q' WHERE id = -1").await;
        case.is(&seen(-1), "q/q").await;
        case.is(&seen(-2), "p/p").await;
        // Unfilled rows.
        case.sql("UPDATE people SET other = 1 WHERE id = 1; UPDATE people SET name = 'r' WHERE id = 2").await;
        case.is(&seen(1), "name 1/name 1").await;
        case.is(&seen(2), "r/r").await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_49_a_trigger_in_between_changes_either_column() {
    let setup = with_trigger("audit", "");
    for (column, other) in [("name", "full_name"), ("full_name", "name")] {
        each(&setup, RENAME, async |case| {
            case.expand().await;
            case.sql(&format!(
                "CREATE OR REPLACE FUNCTION users() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
                 NEW.{column} := NEW.{column} || '!'; RETURN NEW; END $f$"
            ))
            .await;
            case.sql("INSERT INTO people (id, name) VALUES (-1, 'o'); INSERT INTO people (id, full_name) VALUES (-2, 'n')").await;
            case.is(&both(-1), "o!|o!").await;
            case.is(&both(-2), "n!|n!").await;
            case.sql("UPDATE people SET name = 'p' WHERE id = -2; UPDATE people SET full_name = 'q' WHERE id = -1").await;
            case.is(&both(-1), "q!|q!").await;
            case.is(&both(-2), "p!|p!").await;
            // Neither column is named: only the trigger changes one of them.
            case.sql("UPDATE people SET other = 1 WHERE id IN (-1, 1)").await;
            case.is(&both(-1), "q!!|q!!").await;
            case.is(&both(1), "name 1!|name 1!").await;
            // It undoes what the client did.
            case.sql(&format!(
                "CREATE OR REPLACE FUNCTION users() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
                 NEW.{column} := OLD.{column}; RETURN NEW; END $f$"
            ))
            .await;
            case.sql("UPDATE people SET name = 'x' WHERE id = -1; UPDATE people SET full_name = 'y' WHERE id = -1").await;
            case.is(&both(-1), "q!!|q!!").await;
            // It sets NULL.
            case.sql(&format!(
                "CREATE OR REPLACE FUNCTION users() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
                 NEW.{column} := NULL; RETURN NEW; END $f$"
            ))
            .await;
            case.sql(&format!("UPDATE people SET {other} = 'x' WHERE id = -1")).await;
            case.is(&both(-1), "-|-").await;
        })
        .await;
    }
}

#[tokio::test]
async fn pitfall_49_a_trigger_that_writes_more_rows_of_the_table() {
    let setup = with_trigger("audit", "");
    each(&setup, RENAME, async |case| {
        case.expand().await;
        case.sql(
            "CREATE OR REPLACE FUNCTION users() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
             IF pg_trigger_depth() < 2 THEN
                UPDATE people SET name = 'nested' WHERE id = 300;
                INSERT INTO people (id, name) VALUES (NEW.id - 5000, 'nested');
             END IF;
             NEW.name := NEW.name || '!'; RETURN NEW; END $f$",
        )
        .await;
        case.sql("INSERT INTO people (id, name) VALUES (-1, 'a')")
            .await;
        case.sql("UPDATE people SET full_name = 'b' WHERE id = 1")
            .await;
        // Both given, and the trigger changes one of them: what was given stands.
        case.sql("UPDATE people SET name = 'c', full_name = 'd' WHERE id = 2")
            .await;
        for (id, expected) in [
            (-1, "a!|a!"),
            (1, "b!|b!"),
            (2, "c!|d"),
            (300, "nested!|nested!"),
            (-5001, "nested!|nested!"),
        ] {
            case.is(&both(id), expected).await;
        }
    })
    .await;
}

#[tokio::test]
async fn pitfall_50_a_writer_needs_nothing_of_zdm() {
    let setup = format!(
        "{PEOPLE}
         DO $$ BEGIN CREATE ROLE pitfall_50; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
         GRANT SELECT, INSERT (id, name), UPDATE (name) ON people TO pitfall_50;"
    );
    each(&setup, RENAME, async |case| {
        case.migrate().await;
        case.is(
            "SELECT has_schema_privilege('pitfall_50', 'zdm', 'usage')",
            "false",
        )
        .await;
        case.sql(
            "SET ROLE pitfall_50;
             INSERT INTO people (id, name) VALUES (-1, 'o');
             INSERT INTO people (id, full_name) VALUES (-2, 'n');
             UPDATE people SET name = 'old' WHERE id = 1;
             UPDATE people SET full_name = 'new' WHERE id = 2;",
        )
        .await;
        for (id, expected) in [(-1, "o|o"), (-2, "n|n"), (1, "old|old"), (2, "new|new")] {
            case.is(&both(id), expected).await;
        }
    })
    .await;
}
