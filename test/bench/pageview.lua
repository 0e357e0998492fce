-- 2,000 visitors on 200 pages, one pageview a request, about 350 bytes
local count = tonumber(os.getenv("VISITORS") or "2000")
local n = 0
request = function()
  n = n + 1
  local visitor = n * 7919 % count
  local body = string.format('{"siteId":"demo","pageUrl":"https://example.com/products/%d","pageTitle":"Products - Example Store","referrer":"https://google.com","visitorId":"vis_%012d","sessionId":"sess_%012d","screenWidth":1920,"screenHeight":1080,"language":"en-US","timeZone":"America/New_York","_apiKey":"public-key-of-the-demo-site"}', n % 200, visitor, visitor)
  return wrk.format("POST", "/api/telemetry/pageview", { ["Content-Type"] = "application/json", ["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36" }, body)
end
