-- Every column of every table, in physical order. Facts about a domain count those it is built on.
WITH RECURSIVE domain (type, base, refuses_null, constrained) AS (
    SELECT t.oid, t.typbasetype, t.typnotnull,
           t.typnotnull OR EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = t.oid)
      FROM pg_type t WHERE t.typtype = 'd'
    UNION ALL
    SELECT d.type, t.typbasetype, t.typnotnull,
           t.typnotnull OR EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = t.oid)
      FROM domain d JOIN pg_type t ON t.oid = d.base AND t.typtype = 'd'
), domains AS (
    SELECT type, bool_or(refuses_null) AS refuses_null, bool_or(constrained) AS constrained
      FROM domain GROUP BY type
)
SELECT a.attrelid::bigint AS relid,
       a.attname AS name,
       format_type(a.atttypid, a.atttypmod) AS ty,
       CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0 THEN ln.nspname END AS collation_schema,
       CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0 THEN l.collname END AS collation_name,
       a.attnotnull AS not_null,
       nn.conname AS not_null_name,
       nn.convalidated AS not_null_validated,
       obj_description(nn.oid, 'pg_constraint') AS not_null_comment,
       CASE WHEN a.attgenerated = '' THEN pg_get_expr(ad.adbin, ad.adrelid) END AS "default",
       a.attidentity::text AS identity,
       a.attgenerated::text AS generated,
       CASE WHEN a.attgenerated <> '' THEN pg_get_expr(ad.adbin, ad.adrelid) END AS expression,
       CASE WHEN a.attgenerated <> '' THEN
           ARRAY(SELECT x.attname FROM pg_attribute x
                  WHERE x.attrelid = a.attrelid AND x.attnum > 0
                    AND x.attnum IN (SELECT r.m[1]::int FROM regexp_matches(ad.adbin::text, ':varattno (\d+)', 'g') AS r(m))
                  ORDER BY x.attnum)
       ELSE '{}'::name[] END AS reads,
       CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text END AS storage,
       NULLIF(a.attcompression::text, '') AS compression,
       CASE WHEN a.attstattarget >= 0 THEN a.attstattarget::int END AS statistics_target,
       COALESCE(a.attoptions, '{}'::text[]) AS options,
       a.attacl::text[] AS acl,
       d.description AS comment,
       COALESCE(dm.refuses_null, false) AS not_null_domain,
       COALESCE(dm.constrained, false) AS constrained_domain,
       a.attinhcount > 0 AS inherited
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN domains dm ON dm.type = a.atttypid
  LEFT JOIN pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum
  LEFT JOIN pg_collation l ON l.oid = a.attcollation
  LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace
  LEFT JOIN pg_constraint nn ON nn.conrelid = a.attrelid AND nn.contype = 'n' AND nn.conkey[1] = a.attnum
  LEFT JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = a.attrelid AND d.objsubid = a.attnum
 WHERE c.relkind IN ('r', 'p', 'f', 'm')
   AND c.relpersistence <> 't'
   AND a.attnum > 0 AND NOT a.attisdropped
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema'))
 ORDER BY a.attrelid, a.attnum
