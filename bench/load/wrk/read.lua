-- Reads of one path, in which `{}` stands for a number that is drawn. Arguments: the path, the smallest number, the largest, a seed. At the
-- end it prints a line of JSON.
dofile((debug.getinfo(1, "S").source:match("@(.*)read.lua$") or "") .. "told.lua")

function init(arguments)
   local before, after = arguments[1]:match("^(.-){}(.*)$")
   path_before, path_after = before or arguments[1], after
   least, most = tonumber(arguments[2]), tonumber(arguments[3])
   math.randomseed(tonumber(arguments[4]))
   n = 0
end

function request()
   n = n + 1
   local path = path_before
   if path_after then
      path = path .. math.random(least, most) .. path_after
   end
   return wrk.format("GET", path)
end
