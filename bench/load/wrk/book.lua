-- Bookings, each for a slot that nobody has asked for, as bench/load counts them. Arguments: the first count, the first room, how many
-- rooms, the slots of a day, the first date as seconds since 1970. At the end it prints a line of JSON.
dofile((debug.getinfo(1, "S").source:match("@(.*)book.lua$") or "") .. "told.lua")

local PEOPLE = 10007

function init(arguments)
   n = tonumber(arguments[1])
   first_room, rooms = tonumber(arguments[2]), tonumber(arguments[3])
   slots = {}
   for start, stop in arguments[4]:gmatch("(%d+:%d+)-(%d+:%d+)") do
      slots[#slots + 1] = string.format('"startTime":"%s","endTime":"%s"', start, stop)
   end
   from = tonumber(arguments[5])
   headers = { ["Content-Type"] = "application/json" }
end

function request()
   local turn = math.floor(n / rooms)
   local day = math.floor(turn / #slots)
   if day ~= known_day then
      known_day, date = day, os.date("!%Y-%m-%d", from + day * 86400)
   end
   local body = string.format('{"userId":"%d","roomId":%d,"date":"%s",%s}', n % PEOPLE, first_room + n % rooms, date, slots[turn % #slots + 1])
   n = n + 1
   return wrk.format("POST", "/reserves", headers, body)
end
