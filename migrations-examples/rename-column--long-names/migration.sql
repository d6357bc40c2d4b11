SET search_path = "The Shop";
ALTER TABLE "Customers of the whole world, in a name of sixty-three bytes ok"
    RENAME "A column with a name of exactly sixty-three bytes, believe it !" TO "A column with a name of exactly sixty-three bytes, a quote "" it";
