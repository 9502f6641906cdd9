-- One row: the last business day.
select as_of_date from intermediate.int_calendar__as_of
