ALTER TABLE "Users" RENAME TO "People";
