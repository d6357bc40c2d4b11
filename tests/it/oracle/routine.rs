//! Functions and procedures.

use zdm::{
    ident::Ident,
    parse::statement::{
        AlterFunction, Argument, ArgumentMode, CreateFunction, FunctionAction, Returns,
        RoutineAttributes, RoutineBody, Volatility,
    },
};

use super::{
    alter,
    form::{Form, word},
    names::{self, name},
    utility::{moved, optional, owned, renamed},
};

pub(super) fn create_function(function: &CreateFunction) -> Form {
    let mut form = Form::new(
        format!("CREATE {}", names::routine(function.kind)),
        [name(&function.name)],
    );
    form.flag(function.or_replace, "or replace");
    let argument = |mode: &str, argument: &Argument| {
        format!(
            "{mode} {}{}",
            argument.name.as_ref().map_or("-", Ident::as_str),
            word(argument.default.is_some(), "default")
        )
    };
    for each in &function.arguments {
        let mode = match each.mode {
            ArgumentMode::In => "in",
            ArgumentMode::Out => "out",
            ArgumentMode::InOut => "inout",
            ArgumentMode::Variadic => "variadic",
        };
        form.columns.push(argument(mode, each));
    }
    match &function.returns {
        Returns::Unsaid => {}
        Returns::Type { set, .. } => {
            form.flag(true, format!("returns{}", word(*set, "setof")));
        }
        Returns::Table(columns) => {
            form.flag(true, "returns table");
            form.columns
                .extend(columns.iter().map(|column| argument("table", column)));
        }
    }
    match function.body {
        RoutineBody::Sql(_) => form.flag(true, "sql body"),
        RoutineBody::Text(_) | RoutineBody::Symbol(_) => form.flag(true, "as"),
    }
    optional(&mut form, "language", function.language.as_ref());
    attributes(&mut form, function.volatility, &function.attributes);
    form
}

fn attributes(form: &mut Form, volatility: Option<Volatility>, given: &RoutineAttributes) {
    if let Some(volatility) = volatility {
        form.flag(
            true,
            match volatility {
                Volatility::Immutable => "immutable",
                Volatility::Stable => "stable",
                Volatility::Volatile => "volatile",
            },
        );
    }
    for (value, what) in [
        (given.strict, "strict"),
        (given.security_definer, "security"),
        (given.leakproof, "leakproof"),
    ] {
        if let Some(value) = value {
            form.flag(true, format!("{what} {value}"));
        }
    }
    optional(form, "parallel", given.parallel.as_ref());
    form.flag(given.window, "window");
    form.flag(given.cost.is_some(), "cost");
    form.flag(given.rows.is_some(), "rows");
    form.flag(given.support.is_some(), "support");
    for setting in &given.settings {
        form.flag(true, format!("set {setting}"));
    }
}

pub(super) fn alter_function(alter: &AlterFunction) -> Form {
    let mut form = Form::new(
        format!("ALTER {}", names::routine(alter.kind)),
        [name(&alter.name)],
    );
    match &alter.action {
        FunctionAction::RenameTo(new) => form.sub(renamed(new)),
        FunctionAction::OwnerTo(role) => form.sub(owned(role)),
        FunctionAction::SetSchema(schema) => form.sub(moved(schema)),
        FunctionAction::DependsOnExtension { no, extension } => {
            form.sub(alter::depends(*no, extension));
        }
        FunctionAction::Attributes {
            volatility,
            attributes: given,
        } => attributes(&mut form, *volatility, given),
    }
    form
}
