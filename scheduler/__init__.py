"""Time and execution: timetable, planner, service thread, worker, runner process."""
