//! later
pub(crate) enum Columns {
    ByName,
    InOrder,
}
pub(crate) async fn catalog_snapshot(_: &mut sqlx::PgConnection, _: Columns) -> String {
    String::new()
}
pub(crate) async fn data_snapshot(_: &mut sqlx::PgConnection) -> String {
    String::new()
}
