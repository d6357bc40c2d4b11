-- zdm: file strategy view
ALTER TABLE "Users" RENAME COLUMN name TO "full Name";
ALTER TABLE "Users" RENAME age TO years;
