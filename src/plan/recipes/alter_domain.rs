//! ALTER DOMAIN … ADD CHECK, SET NOT NULL and VALIDATE on a domain whose values are in tables.
//!
//! A constraint that must hold for the values that are there is proved under SHARE on every table
//! with a column of the domain, which stops its writes, and no constraint of a table spares that
//! (measured on 15 and 18: a valid CHECK of the column is not looked at). So a CHECK is added NOT
//! VALID, which locks no table and refuses every new value at once; it is validated only where the
//! tables are small. Otherwise the statement is refused, with what does not stop writes.

use crate::{
    catalog::{Catalog, UserTypeKind, types},
    effects::{LockMode, effects},
    ident::{Ident, ObjectName},
    parse::{
        Expr, PhaseName, StatementKind,
        statement::{AlterDomain, ColumnConstraintKind, DomainAction, Utility},
    },
    plan::{
        Step, StepKind, Undo,
        draft::{Draft, Element, Refusal, Touch, step},
        pieces,
        recipe::{Context, Recipe},
        recipes::add_check::tighten_phase,
        rows, state,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "alter-domain",
    draft,
};

/// A column whose values are of the domain.
struct User {
    table: ObjectName,
    column: Ident,
}

/// What is to be done to a domain, and to whom.
struct Change<'a> {
    domain: ObjectName,
    base: String,
    users: Vec<User>,
    phase: PhaseName,
    cx: &'a Context<'a>,
}

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let StatementKind::Opaque(opaque) = &cx.op.statement.kind else {
        return None;
    };
    let Utility::AlterDomain(alter) = opaque.utility.as_deref()? else {
        return None;
    };
    let domain = types::user_type_name(&alter.name, cx.before);
    // One that this file makes, or that nobody uses, needs no taking apart.
    if !cx.input.catalog.types.contains_key(&domain) {
        return None;
    }
    let said = effects(&cx.op.alone, cx.before);
    if said.fails.is_some() || said.unknown {
        return None;
    }
    let users = users(cx.before, &domain);
    if users.iter().all(|user| cx.is_fresh(&user.table)) {
        return None;
    }
    let change = Change {
        base: types::domain(&domain.to_string(), cx.before)?.base,
        domain,
        phase: cx
            .phase_directive()
            .unwrap_or_else(|| tightens_in(cx, &users)),
        users,
        cx,
    };
    change.draft(alter)
}

/// The phase in which values begin to be refused: contract, if for one of the columns.
fn tightens_in(cx: &Context<'_>, users: &[User]) -> PhaseName {
    users
        .iter()
        .map(|user| tighten_phase(cx, &user.table, [&user.column]))
        .find(|phase| *phase == PhaseName::Contract)
        .unwrap_or(PhaseName::Migrate)
}

/// Columns of tables with rows of their own, whose type is the domain or one made of it.
fn users(catalog: &Catalog, domain: &ObjectName) -> Vec<User> {
    let mut names = vec![domain.to_string()];
    let mut at = 0;
    while let Some(base) = names.get(at).cloned() {
        at += 1;
        for (name, ty) in &catalog.types {
            let name = name.to_string();
            if let UserTypeKind::Domain { base: of, .. } = &ty.kind
                && *of == base
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
    }
    let stored = catalog.tables.values().filter(|table| table.has_storage());
    stored
        .flat_map(|table| {
            let columns = table
                .columns
                .iter()
                .filter(|column| names.contains(&column.ty));
            columns.map(|column| User {
                table: table.name.clone(),
                column: column.name.clone(),
            })
        })
        .collect()
}

impl Change<'_> {
    fn draft(&self, alter: &AlterDomain) -> Option<Result<Draft, Refusal>> {
        match &alter.action {
            DomainAction::AddConstraint(constraint) => match &constraint.kind {
                ColumnConstraintKind::Check(expr) => {
                    Some(self.add_check(expr, constraint.attributes.not_valid))
                }
                ColumnConstraintKind::NotNull => Some(self.set_not_null()),
                ColumnConstraintKind::Null
                | ColumnConstraintKind::Default(_)
                | ColumnConstraintKind::Unique { .. }
                | ColumnConstraintKind::PrimaryKey
                | ColumnConstraintKind::References(_)
                | ColumnConstraintKind::Generated { .. }
                | ColumnConstraintKind::Identity { .. } => None,
            },
            DomainAction::SetNotNull => Some(self.set_not_null()),
            DomainAction::ValidateConstraint(name) => Some(self.validate(name)),
            DomainAction::SetDefault(_)
            | DomainAction::DropDefault
            | DomainAction::DropNotNull
            | DomainAction::DropConstraint { .. }
            | DomainAction::RenameConstraint { .. }
            | DomainAction::OwnerTo(_)
            | DomainAction::RenameTo(_)
            | DomainAction::SetSchema(_) => None,
        }
    }

    fn add_check(&self, expr: &Expr, not_valid: bool) -> Result<Draft, Refusal> {
        let name = self.added_check()?;
        let domain = &self.domain;
        let mut draft = self.touching();
        if !not_valid {
            self.refuse_large(
                &format!("validating {name} of the domain {}", domain.short()),
                &self.instead_of_check(&name, expr),
            )?;
            for user in &self.users {
                draft.push(self.phase, self.count(user, &name.to_string(), &expr.text));
            }
        }
        draft.push(
            self.phase,
            step(
                StepKind::Ddl,
                format!(
                    "add {name} to the domain {}, not yet checked for values that are there",
                    domain.short()
                ),
                "locks no table; from here on no value that violates it is written or cast",
            )
            .sql([format!(
                "ALTER DOMAIN {domain} ADD CONSTRAINT {name} CHECK ({}) NOT VALID",
                expr.text
            )])
            .state(state::domain_constraint(domain, &name, ""))
            .undone_by(Undo::ddl(
                [format!(
                    "ALTER DOMAIN {domain} DROP CONSTRAINT IF EXISTS {name}"
                )],
                Vec::new(),
            )),
        );
        draft.conditions.push((
            self.phase,
            format!(
                "values that violate {name} of the domain {} are refused from `add {name}` on, \
                 also where a value that is there is cast to it",
                domain.short()
            ),
        ));
        if !not_valid {
            draft.push(self.phase, self.validation(&name)).when_small = self.still_small();
        }
        Ok(draft)
    }

    fn validate(&self, name: &Ident) -> Result<Draft, Refusal> {
        let expr = self.checks(self.cx.before).and_then(|checks| {
            let mut checks = checks.iter();
            checks.find(|check| check.name == *name)
        });
        let instead = match expr.map(|check| crate::parse::expr_from_text(&check.expr)) {
            Some(expr) => self.on_tables(name, &expr),
            None => String::new(),
        };
        self.refuse_large(
            &format!("validating {name} of the domain {}", self.domain.short()),
            &format!(
                "it is enforced for every new value already{instead}; run VALIDATE in a \
                 maintenance window"
            ),
        )?;
        let mut draft = self.touching();
        draft.push(self.phase, self.validation(name)).when_small = self.still_small();
        Ok(draft)
    }

    fn set_not_null(&self) -> Result<Draft, Refusal> {
        let domain = &self.domain;
        let columns: Vec<String> = self
            .users
            .iter()
            .map(|user| {
                format!(
                    "ALTER TABLE {} ALTER COLUMN {} SET NOT NULL",
                    user.table, user.column
                )
            })
            .collect();
        let check = Ident::exact(format!("{}_not_null", domain.name.as_str()));
        self.refuse_large(
            &format!("making the domain {} NOT NULL", domain.short()),
            &format!(
                "say it of the columns, which zdm proves while clients write: `{}`; or refuse new \
                 NULLs only, which locks no table: `ALTER DOMAIN {domain} ADD CONSTRAINT {check} \
                 CHECK (VALUE IS NOT NULL) NOT VALID`; or run it in a maintenance window",
                columns.join("; ")
            ),
        )?;
        let mut draft = self.touching();
        for user in &self.users {
            draft.push(
                self.phase,
                self.count(user, "NOT NULL", "value IS NOT NULL"),
            );
        }
        let scanned = step(
            StepKind::Ddl,
            format!("make the domain {} NOT NULL", domain.short()),
            SCANS,
        )
        .sql([format!("ALTER DOMAIN {domain} SET NOT NULL")])
        .state(state::domain_not_null(domain))
        .undone_by(Undo::ddl(
            [format!("ALTER DOMAIN {domain} DROP NOT NULL")],
            Vec::new(),
        ));
        draft.push(self.phase, self.under_share(scanned)).when_small = self.still_small();
        draft.conditions.push((
            self.phase,
            format!(
                "a NULL of the domain {} is refused from then on",
                domain.short()
            ),
        ));
        Ok(draft)
    }

    /// The step that reads the tables.
    fn validation(&self, name: &Ident) -> Step {
        let domain = &self.domain;
        let scanned = step(
            StepKind::Ddl,
            format!(
                "check every value of the domain {} against {name}",
                domain.short()
            ),
            SCANS,
        )
        .sql([format!("ALTER DOMAIN {domain} VALIDATE CONSTRAINT {name}")])
        .state(state::domain_constraint(domain, name, " AND convalidated"));
        self.under_share(scanned)
    }

    /// Under the lock the tables are looked at again: their writes wait while they are read.
    fn still_small(&self) -> Vec<String> {
        rows::still_small(self.cx, self.tables(), true)
    }

    fn under_share(&self, mut step: Step) -> Step {
        for table in self.tables() {
            step = step.lock(table, LockMode::Share).scan(
                table,
                LockMode::Share,
                "to check the domain's constraint",
            );
        }
        step.estimate_ms = self
            .tables()
            .into_iter()
            .map(|table| pieces::scan_estimate(self.cx, table))
            .sum();
        step
    }

    fn tables(&self) -> Vec<&ObjectName> {
        let mut tables: Vec<&ObjectName> = self.users.iter().map(|user| &user.table).collect();
        tables.dedup();
        tables
    }

    /// Looks for values that the constraint would refuse; `value` stands for the value.
    fn count(&self, user: &User, what: &str, condition: &str) -> Step {
        let (table, column) = (&user.table, &user.column);
        let from = format!(
            "FROM (SELECT ctid AS row, {column}::{} AS value FROM ONLY {table}) zdm_values \
             WHERE ({condition}) IS FALSE",
            self.base
        );
        pieces::count_violators(
            self.cx,
            table,
            &format!("{what} of the domain {} ({column})", self.domain.short()),
            format!("SELECT pg_catalog.count(*) {from}"),
            Some(format!("SELECT row::pg_catalog.text {from} LIMIT 5")),
        )
    }

    fn refuse_large(&self, what: &str, instead: &str) -> Result<(), Refusal> {
        let large = self
            .tables()
            .into_iter()
            .find(|table| !rows::is_small(self.cx, table));
        let Some(large) = large else {
            return Ok(());
        };
        Err(Refusal::new(
            "domain-scan",
            format!(
                "{what} reads all of {} under {}, which {} until it ends ({}), and there is no \
                 other way to prove it",
                large.short(),
                LockMode::Share,
                LockMode::Share.in_words(),
                rows::size_in_words(self.cx, large)
            ),
            instead,
        ))
    }

    fn instead_of_check(&self, name: &Ident, expr: &Expr) -> String {
        format!(
            "refuse new values only, which locks no table: `ALTER DOMAIN {} ADD CONSTRAINT {name} \
             CHECK ({}) NOT VALID`{}; VALIDATE it in a maintenance window",
            self.domain,
            expr.text,
            self.on_tables(name, expr)
        )
    }

    /// What the tables can say instead, which zdm proves while clients write.
    fn on_tables(&self, name: &Ident, expr: &Expr) -> String {
        let statements: Vec<String> = self
            .users
            .iter()
            .map(|user| {
                let condition = expr.rewrite(|column| {
                    (column.name.as_str() == "value").then(|| user.column.to_string())
                });
                let check = Ident::exact(format!("{}_{}", user.table.name.as_str(), name.as_str()));
                format!(
                    "ALTER TABLE {} ADD CONSTRAINT {check} CHECK ({condition})",
                    user.table
                )
            })
            .collect();
        format!(
            "; what is there is proved while clients write if the tables say it too: `{}`",
            statements.join("; ")
        )
    }

    fn checks<'c>(&self, catalog: &'c Catalog) -> Option<&'c [crate::catalog::DomainCheck]> {
        match &catalog.types.get(&self.domain)?.kind {
            UserTypeKind::Domain { checks, .. } => Some(checks),
            UserTypeKind::Enum { .. } | UserTypeKind::Composite | UserTypeKind::Other => None,
        }
    }

    /// The name of the new CHECK, as plain SQL gives it.
    fn added_check(&self) -> Result<Ident, Refusal> {
        let before = self.checks(self.cx.before).unwrap_or_default();
        let after = self.checks(self.cx.after).unwrap_or_default();
        let mut new = after
            .iter()
            .filter(|check| before.iter().all(|known| known.name != check.name));
        new.next().map(|check| check.name.clone()).ok_or_else(|| {
            Refusal::new(
                "unnamed-constraint",
                format!(
                    "the name of the new CHECK of the domain {} could not be told",
                    self.domain.short()
                ),
                "give it a name: ADD CONSTRAINT name CHECK (…)",
            )
        })
    }

    /// A draft that says what is read and written.
    fn touching(&self) -> Draft {
        let mut draft = Draft::default();
        draft
            .touches
            .push(Touch::write(Element::Name(self.domain.clone()), self.phase));
        for user in &self.users {
            draft.touches.push(Touch::read(Element::Column(
                user.table.clone(),
                user.column.clone(),
            )));
        }
        draft
    }
}

const SCANS: &str = "reads every table that uses the domain, whose writes wait meanwhile; they are \
                     small, and there is no other way";
